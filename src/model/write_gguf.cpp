#include "model/write_gguf.h"

#include "base/file.h"
#include "model/describe.h"
#include "model/hf_model.h"
#include "quant/codec.h"
#include "text/tokenizer_io.h"

#include <algorithm>

namespace quire {
namespace {

// Elements that a thread turns at a time: two buffers of f32 stay in the second-level cache.
constexpr int64_t piece_elements = 1 << 17;
// Pieces that go to the file together: enough for every thread of a large machine.
constexpr int64_t pieces_at_once = 64;

// What is to be written: metadata, and rows to make tensors of.
struct Source {
  std::optional<HfModel> folder;
  std::optional<GgufFile> file;  // of a folder: what hf_header() makes
  std::vector<HfTensor> tensors;
};

Result<Source> open_source(const std::string& path) {
  Source source;
  if (is_directory(path)) {
    source.folder = TRY(HfModel::open(path));
    source.file = TRY(hf_header(*source.folder));
    TRY(describe_model(*source.file));
    source.tensors = source.folder->tensors;
    return source;
  }
  source.file = TRY(GgufFile::open(path));
  for (const GgufTensor& tensor : source.file->tensors())
    source.tensors.push_back({std::string(tensor.name), mapped_rows(tensor.view)});
  return source;
}

// A number of ARCH, or the largest where it differs from layer to layer.
Result<int64_t> number_of(const GgufFile& file, const char* name, int64_t fallback) {
  const std::string key = fmt::format("{}.{}", TRY(file.get_string("general.architecture")), name);
  const GgufValue* value = file.value(key);
  if (value == nullptr) return fallback;
  if (value->type != GgufType::array) return file.get_int(key);
  const std::vector<int64_t> all = TRY(file.get_ints(key));
  return all.empty() ? fallback : *std::ranges::max_element(all);
}

// What stored_dtype() wants to know, of any architecture.
Result<Hparams> sizes_of(const GgufFile& file) {
  Hparams h;
  h.n_layer = std::max<int64_t>(1, TRY(number_of(file, "block_count", 1)));
  h.n_head = std::max<int64_t>(1, TRY(number_of(file, "attention.head_count", 1)));
  h.n_head_kv = std::max<int64_t>(1, TRY(number_of(file, "attention.head_count_kv", h.n_head)));
  h.tied_head = file.find("output.weight") == nullptr;
  return h;
}

bool is_quantized(DType dtype) { return info(dtype).block_size > 1; }

bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

DType target(const HfTensor& tensor, const std::optional<TypeMix>& mix, const Hparams& h) {
  const DType now = tensor.rows.dtype;
  if (!mix || (!is_float(now) && !is_quantized(now))) return now;  // whole numbers are no weights
  const DType wanted = stored_dtype(*mix, h, tensor.name, tensor.rows.shape);
  if (is_quantized(now) && is_quantized(wanted) &&
      info(now).bits_per_element() <= info(wanted).bits_per_element())
    return now;
  return wanted;
}

// Rows [first, first + n) in another type.
void encode_rows(const HfRows& rows, DType dtype, int64_t first, int64_t n, std::byte* to) {
  const int64_t width = rows.shape.last();
  std::vector<std::byte> copied;
  const std::byte* raw = nullptr;
  if (rows.mapped != nullptr) {
    raw = rows.mapped + first * rows.row_bytes();
  } else {
    copied.resize(static_cast<size_t>(n * rows.row_bytes()));
    rows.copy(first, n, copied.data());
    raw = copied.data();
  }
  std::vector<float> numbers(static_cast<size_t>(width));
  for (int64_t r = 0; r < n; ++r) {
    codec(rows.dtype)->decode(raw + r * rows.row_bytes(), numbers.data(), width);
    codec(dtype)->encode(numbers.data(), to + r * row_bytes(dtype, width), width);
  }
}

class Encoder {
 public:
  Encoder(ThreadPool& pool, FunctionRef<bool(uint64_t, uint64_t)> show, uint64_t total)
      : pool_(pool), show_(show), total_(total) {}

  Result<void> put(const HfRows& rows, DType dtype, GgufSink sink) {
    const int64_t n_rows = rows.shape.n_rows(), width = rows.shape.last();
    const int64_t each = row_bytes(dtype, width);
    const int64_t piece = std::max<int64_t>(1, piece_elements / width);
    const int64_t batch = piece * pieces_at_once;
    std::vector<std::byte> out(static_cast<size_t>(std::min(batch, n_rows) * each));
    for (int64_t first = 0; first < n_rows; first += batch) {
      const int64_t n = std::min(batch, n_rows - first);
      pool_.for_each((n + piece - 1) / piece, 1, [&](int64_t i, int) {
        const int64_t at = i * piece, here = std::min(piece, n - at);
        if (dtype == rows.dtype)
          rows.copy(first + at, here, out.data() + at * each);
        else
          encode_rows(rows, dtype, first + at, here, out.data() + at * each);
      });
      TRY(sink(std::span(out).first(static_cast<size_t>(n * each))));
      done_ += static_cast<uint64_t>(n * each);
      if (!show_(done_, total_)) return fail(Fault::cancelled, "stopped");
    }
    return {};
  }

 private:
  ThreadPool& pool_;
  FunctionRef<bool(uint64_t, uint64_t)> show_;
  uint64_t done_ = 0, total_;
};

// general.file_type of tensors that keep their types: what most of the bytes are.
std::optional<FileType> file_type_of(const std::vector<HfTensor>& tensors) {
  std::map<DType, int64_t> n_bytes;
  for (const HfTensor& tensor : tensors)
    n_bytes[tensor.rows.dtype] += tensor.rows.shape.n_rows() * tensor.rows.row_bytes();
  const auto most = std::ranges::max_element(
      n_bytes, {}, [](const std::pair<const DType, int64_t>& row) { return row.second; });
  if (most == n_bytes.end()) return std::nullopt;
  for (const TypeMix& mix : all_type_mixes())
    if (mix.base == most->first) return mix.type;
  return std::nullopt;
}

// The metadata that another file takes over: not how this one was cut, nor types that change.
Result<void> copy_metadata(const Source& source, const WriteGgufOptions& options, GgufWriter& out,
                           std::vector<std::string>& notes) {
  const GgufFile& file = *source.file;
  const std::string arch(TRY(file.get_string("general.architecture")));
  const std::string scaling = arch + ".rope.scaling.";
  const std::string_view stretched = TRY(file.get_string_or(scaling + "type", ""));
  const bool by_length = stretched == "dynamic" || stretched == "ntk";
  if (by_length)
    notes.push_back(
        fmt::format("rope scaling '{}' is left out: GGUF has no name for it (--rope-scaling {} "
                    "when running)",
                    stretched, stretched));
  for (const GgufEntry& entry : file.entries()) {
    const bool types = entry.key == "general.file_type" && (options.mix || source.folder);
    if (types || entry.key == "general.alignment" || entry.key.starts_with("split.") ||
        entry.key == "general.quantization_version" ||
        (by_length && entry.key.starts_with(scaling)))
      continue;
    out.add_value(entry.key, entry.value);
  }
  std::optional<FileType> type;
  if (options.mix)
    type = options.mix->type;
  else if (source.folder)
    type = file_type_of(source.tensors);
  if (type) out.add_u32("general.file_type", static_cast<uint32_t>(*type));
  out.add_u32("general.quantization_version", 2);
  if (file.alignment() != 32) out.set_alignment(file.alignment());
  return {};
}

Result<void> add_tokenizer(const std::string& folder, const Source& source,
                           const WriteGgufOptions& options, GgufWriter& out,
                           std::vector<std::string>& notes) {
  const int64_t n_vocab = TRY(source.file->tensor("token_embd.weight")).shape[0];
  std::vector<std::string> more;
  if (!has_tokenizer(folder)) {
    TokenizerSpec none;
    none.missing = no_tokenizer;
    more = TRY(write_tokenizer_metadata(out, none));
  } else {
    const auto tokenizer = TRY(load_tokenizer(folder));
    if (tokenizer->n_vocab() > n_vocab)
      return fail(Fault::bad_format, "{}: the tokenizer has {} tokens but the embedding only {}",
                  folder, tokenizer->n_vocab(), n_vocab);
    more = TRY(
        write_tokenizer_metadata(out, tokenizer->spec(), {.n_vocab = n_vocab, .pre = options.pre}));
  }
  notes.insert(notes.end(), more.begin(), more.end());
  return {};
}

}  // namespace

Result<WrittenGguf> write_gguf(const std::string& from, const std::string& to,
                               const WriteGgufOptions& options, ThreadPool& pool,
                               FunctionRef<bool(uint64_t done, uint64_t total)> show) {
  const Source source = TRY(open_source(from));
  const Hparams sizes = TRY(sizes_of(*source.file));
  WrittenGguf written;
  GgufWriter out;
  TRY(copy_metadata(source, options, out, written.notes));
  if (source.folder)
    TRY(add_tokenizer(from, source, options, out, written.notes));
  else if (!options.pre.empty())
    return fail(Fault::usage, "--pre is for folders; {} has a tokenizer that is kept", from);
  std::vector<DType> types;
  int64_t n_again = 0;
  uint64_t total = 0;
  for (const HfTensor& tensor : source.tensors) {
    const DType now = tensor.rows.dtype, then = target(tensor, options.mix, sizes);
    if (then != now && (codec(now) == nullptr || codec(then) == nullptr))
      return fail(Fault::unsupported, "{}: tensor '{}' of type {} cannot be turned into {}", from,
                  tensor.name, info(now).name, info(then).name);
    types.push_back(then);
    n_again += then != now && is_quantized(now) && is_quantized(then);
    total += static_cast<uint64_t>(tensor.rows.shape.n_rows() *
                                   row_bytes(then, tensor.rows.shape.last()));
    ++written.n_tensors[info(then).name];
  }
  if (n_again > 0)
    written.notes.push_back(fmt::format(
        "{} tensors were quantized before: from the original weights the result would be better",
        n_again));
  Encoder encoder(pool, show, total);
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const HfTensor& tensor = source.tensors[i];
    out.add_tensor(tensor.name, types[i], tensor.rows.shape,
                   [&encoder, &tensor, type = types[i]](GgufSink sink) {
                     return encoder.put(tensor.rows, type, sink);
                   });
  }
  TRY(out.write(to));
  written.n_bytes = total;
  return written;
}

Result<std::vector<std::string>> make_gguf(const std::string& from, const std::string& to,
                                           const std::string& type,
                                           FunctionRef<bool(uint64_t done, uint64_t total)> show) {
  WriteGgufOptions options;
  if (!type.empty()) options.mix = TRY(type_mix(type));
  ThreadPool pool;
  return std::move(TRY(write_gguf(from, to, options, pool, show)).notes);
}

}  // namespace quire
