#include "model/two_files.h"

#include "base/file.h"
#include "model/find_model.h"
#include "model/two_files_program.h"
#include "model/two_files_tokenizer.h"
#include "quant/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace quire {
namespace {

// A line across the page that opens a part of the program.
std::string section(std::string_view title) {
  return fmt::format("\n// {:->90} ----\n\n", fmt::format(" {}", title));
}

std::string fill(std::string text,
                 std::initializer_list<std::pair<std::string_view, std::string>> marks) {
  for (const auto& [mark, value] : marks)
    for (size_t at = text.find(mark); at != std::string::npos;
         at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  return text;
}

uint64_t fnv1a(uint64_t hash, std::span<const std::byte> bytes) {
  for (std::byte b : bytes) hash = (hash ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
  return hash;
}
constexpr uint64_t fnv1a_start = 0xcbf29ce484222325u;

// 1234567 -> 1,234,567
std::string with_commas(int64_t n) {
  std::string text = fmt::format("{}", n);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

class Writer {
 public:
  Writer(const Model& model, const TwoFilesOptions& options, CModel c, CTokenizer tokenizer)
      : model_(model), options_(options), c_(std::move(c)), tokenizer_(std::move(tokenizer)) {
    for (const CParameter& parameter : c_.parameters) {
      const int64_t n = tensor(parameter).shape.n_elements() * element_bytes(parameter.storage);
      weight_bytes_ += static_cast<uint64_t>((n + 3) / 4 * 4);
    }
    const std::string shapes = c_.sizes + c_.weights + c_.bind;
    shapes_ = fnv1a(fnv1a_start, std::as_bytes(std::span(shapes)));
  }

  std::string program() const {
    const bool bf16 = options_.matrix == CMatrix::bf16;
    const std::string element_size = bf16 ? "2" : "4";
    const std::string fingerprint = fmt::format("0x{:016x}", shapes_);
    const std::string n_bytes = fmt::format("{}", weight_bytes_);
    std::string out = fill(c_header_text, {{"@NAME@", model_name(model_.path())},
                                           {"@VERSION@", QUIRE_VERSION},
                                           {"@ARCH@", model_.hparams().arch},
                                           {"@N@", with_commas(model_.n_params())},
                                           {"@TOKENIZER@", tokenizer_.kind},
                                           {"@ELEMENT_BYTES@", element_size},
                                           {"@ELEMENT@", bf16 ? "bfloat16" : "float32"},
                                           {"@SHAPES@", fingerprint},
                                           {"@WEIGHT_BYTES@", n_bytes},
                                           {"@TOKENIZER_FORMAT@", tokenizer_.format}});
    out += section("model") + c_.sizes + "\n" + c_.weights +
           "\n// Activations of one token, and the keys and values of all tokens so far.\n" +
           c_.buffers;
    out += section("operations") + c_.operations;
    out += section("forward").substr(1) + c_.forward;
    const std::string take = fmt::format(
        "static const {0} *take_matrix(size_t n_rows, size_t n_columns) {{\n"
        "    return take_bytes(n_rows * n_columns * sizeof({0}));\n}}\n",
        bf16 ? "bf16" : "float");
    out += fill(c_loader_text, {{"@TAKE_MATRIX@", take},
                                {"@BIND@", c_.bind},
                                {"@ELEMENT_BYTES@", element_size},
                                {"@SHAPES@", fingerprint},
                                {"@WEIGHT_BYTES@", n_bytes}});
    out += tokenizer_.program;
    return out + fill(c_main_text, {{"@CACHE@", c_.cache_elements}, {"@START@", start()}});
  }

  Result<uint64_t> write_parameters(const std::string& path,
                                    FunctionRef<void(uint64_t, uint64_t)> progress) {
    AtomicFile file = TRY(AtomicFile::create(path));
    TRY(put(file, "QUIRE-2F", 8));
    TRY(put_number<uint32_t>(file, 1));
    TRY(put_number<uint32_t>(file, options_.matrix == CMatrix::bf16 ? 2 : 4));
    TRY(put_number<uint64_t>(file, shapes_));
    TRY(put_number<uint64_t>(file, weight_bytes_));
    TRY(put_number<uint64_t>(file, tokenizer_.data.size()));
    for (const CParameter& parameter : c_.parameters) {
      TRY(put_tensor(file, tensor(parameter), parameter.storage));
      progress(file.n_written(), weight_bytes_);
    }
    TRY(put(file, tokenizer_.data.data(), tokenizer_.data.size()));
    const uint64_t hash = hash_;
    TRY(put_number<uint64_t>(file, hash));
    TRY(file.commit());
    return file.n_written();
  }

 private:
  // An empty prompt begins with the token that begins a text, else with the one that ends it.
  std::string start() const {
    const Tokenizer& t = model_.tokenizer();
    const int32_t id = t.bos() >= 0 ? t.bos() : t.eos();
    if (id < 0) return "    if (n == 0) die(\"an empty prompt: this model has no start token\");\n";
    return fmt::format("    if (n == 0) ids[n++] = {};  // the token that starts a text\n", id);
  }

  static int64_t element_bytes(CMatrix storage) { return storage == CMatrix::bf16 ? 2 : 4; }

  const TensorView& tensor(const CParameter& parameter) const {
    const std::vector<ValueId> ids = model_.graph().all(Role::parameter);
    const auto place = std::ranges::find(ids, parameter.id);
    CHECK(place != ids.end());
    return model_.params()[static_cast<size_t>(place - ids.begin())];
  }

  Result<void> put(AtomicFile& file, const void* data, size_t n) {
    const std::span bytes(static_cast<const std::byte*>(data), n);
    hash_ = fnv1a(hash_, bytes);
    return file.write(bytes);
  }
  template <class T>
  Result<void> put_number(AtomicFile& file, T x) {
    return put(file, &x, sizeof x);
  }

  Result<void> put_tensor(AtomicFile& file, const TensorView& tensor, CMatrix storage) {
    const int64_t n = tensor.shape.last();
    std::vector<float> row(static_cast<size_t>(n));
    std::vector<std::byte> small(row.size() * 2);
    const Codec& to_bf16 = *codec(DType::bf16);
    for (int64_t r = 0; r < tensor.shape.n_rows(); ++r) {
      codec(tensor.dtype)->decode(tensor.row(r), row.data(), n);
      if (storage == CMatrix::bf16) {
        to_bf16.encode(row.data(), small.data(), n);
        TRY(put(file, small.data(), small.size()));
      } else {
        TRY(put(file, row.data(), row.size() * 4));
      }
    }
    const int64_t n_bytes = tensor.shape.n_elements() * element_bytes(storage);
    const char zeros[4] = {};
    return put(file, zeros, static_cast<size_t>((n_bytes + 3) / 4 * 4 - n_bytes));
  }

  const Model& model_;
  TwoFilesOptions options_;
  CModel c_;
  CTokenizer tokenizer_;
  uint64_t weight_bytes_ = 0, shapes_ = 0, hash_ = fnv1a_start;
};

}  // namespace

Result<TwoFiles> write_two_files(const Model& model, const std::string& directory,
                                 const TwoFilesOptions& options,
                                 FunctionRef<void(uint64_t, uint64_t)> progress) {
  static_assert(std::endian::native == std::endian::little);
  for (const TensorView& param : model.params())
    if (codec(param.dtype) == nullptr)
      return fail(Fault::unsupported, "{}: weights of type {} cannot be decoded yet", model.path(),
                  info(param.dtype).name);
  Result<CModel> c = emit_c(model.graph(), {options.matrix, model.hparams().n_ctx_train});
  if (!c) return fail(c.error().fault, "{}: {}", model.path(), c.error().text);
  CTokenizer tokenizer = TRY(emit_tokenizer(model.tokenizer(), model.hparams().n_vocab));
  Writer writer(model, options, *std::move(c), std::move(tokenizer));

  TRY(make_directories(directory));
  TwoFiles files{directory + "/run.c", directory + "/parameters"};
  const std::string program = writer.program();
  files.n_program_lines = std::ranges::count(program, '\n');
  files.n_parameter_bytes = TRY(writer.write_parameters(files.parameters_path, progress));
  TRY(write_file(files.program_path, program));
  return files;
}

}  // namespace quire
