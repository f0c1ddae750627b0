// quire compress: a file made small with a model's predictions, and how small others make it.
#include "base/file.h"
#include "base/progress.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/output_file.h"
#include "engine/compress.h"
#include "model/find_model.h"

#include <lzma.h>
#include <zstd.h>

#include <chrono>

namespace quire {
namespace {

struct CompressFlags {
  std::vector<std::string> positionals;
  std::string model, output;
  bool force = false, json = false, no_comparison = false;
  int64_t n_ctx = 0;
  int n_threads = 0;
};

size_t zstd_19_bytes(std::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  return ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 19);
}

// With the check that the xz program uses by default, so that the sizes are those of `xz -9`.
size_t xz_9_bytes(std::string_view data) {
  std::string out(lzma_stream_buffer_bound(data.size()), '\0');
  size_t n = 0;
  const lzma_ret result = lzma_easy_buffer_encode(
      9, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(data.data()), data.size(),
      reinterpret_cast<uint8_t*>(out.data()), &n, out.size());
  return result == LZMA_OK ? n : 0;
}

struct Size {
  std::string name;
  size_t n_bytes;
};

double bits_per_byte(size_t n_bytes, size_t n_original) {
  return n_original == 0 ? 0 : 8 * static_cast<double>(n_bytes) / static_cast<double>(n_original);
}

// To standard error when the compressed bytes themselves go to standard output.
void print_table(FILE* to, const std::vector<Size>& sizes, size_t n_original, const Model& model,
                 double seconds) {
  fmt::print(to, "{:<22} {:>13} bytes\n", "original", n_original);
  for (const Size& size : sizes)
    fmt::print(to, "{:<22} {:>13} bytes  {:>7.3f} bits per byte\n", size.name, size.n_bytes,
               bits_per_byte(size.n_bytes, n_original));
  fmt::print(to, "{:<22} {:>13} bytes, needed to decompress and not counted above\n", "the model",
             model.file() != nullptr ? model.file()->n_bytes()
                                     : static_cast<uint64_t>(model.weight_bytes()));
  fmt::print(to, "{:.1f} s, {:.1f} kB/s\n", seconds,
             static_cast<double>(n_original) / 1000 / std::max(seconds, 1e-9));
}

nlohmann::json as_json(const std::vector<Size>& sizes, size_t n_original, const Model& model,
                       double seconds, const std::string& output) {
  nlohmann::json result = {{"model", model_name(model.path())},
                           {"output", output},
                           {"original_bytes", n_original},
                           {"model_bytes", model.weight_bytes()},
                           {"seconds", seconds},
                           {"sizes", nlohmann::json::array()}};
  for (const Size& size : sizes)
    result["sizes"].push_back({{"name", size.name},
                               {"bytes", size.n_bytes},
                               {"bits_per_byte", bits_per_byte(size.n_bytes, n_original)}});
  return result;
}

Result<int> run(const CompressFlags& flags) {
  const ModelAndFile what = TRY(split_model_and_file(flags.model, flags.positionals));
  const std::string output = !flags.output.empty() ? flags.output
                             : what.file == "-"    ? "-"
                                                   : what.file + ".quire";
  if (output == "-" && flags.json)
    return fail(Fault::usage, "--json and the compressed file cannot both go to standard output");
  TRY(check_output(output, flags.force));
  const std::string data = TRY(read_file(what.file, compress_bytes_max));
  auto model = TRY(Model::load(what.model_path));

  CompressOptions options;
  options.n_ctx = flags.n_ctx;
  options.n_threads = flags.n_threads;
  const auto start = std::chrono::steady_clock::now();
  std::optional<Progress> bar;
  options.progress = [&](uint64_t n_done, uint64_t n_total) {
    if (!bar) bar.emplace("compressing", n_total);
    bar->update(n_done);
  };
  const std::string compressed = TRY(compress(model, data, options));
  if (bar) bar->finish();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  TRY(write_output(output, compressed));
  std::vector<Size> sizes = {{"quire " + model_name(model->path()), compressed.size()}};
  if (!flags.no_comparison) {
    sizes.push_back({"xz -9", xz_9_bytes(data)});
    sizes.push_back({"zstd -19", zstd_19_bytes(data)});
  }
  if (flags.json)
    print_json(as_json(sizes, data.size(), *model, seconds, output));
  else
    print_table(output == "-" ? stderr : stdout, sizes, data.size(), *model, seconds);
  return 0;
}

}  // namespace

CommandBody command_compress(CommandLine& app) {
  auto flags = std::make_shared<CompressFlags>();
  app.add_option("[MODEL] FILE", flags->positionals,
                 "the model (default: the bundled one) and a file; -: standard input")
      ->type_name("")
      ->required()
      ->expected(1, 2);
  add_model_flag(app, flags->model);
  add_text(app, "-o,--output", flags->output, "where to; -: standard output [FILE.quire]", "OUT");
  app.add_flag("--force", flags->force, "overwrite a file that is there");
  add_int(app, "-c,--ctx-size", flags->n_ctx,
          "positions of context; 0: what the model knows, at most 2048", 0, INT32_MAX);
  add_threads(app, flags->n_threads);
  app.add_flag("--no-comparison", flags->no_comparison, "leave out xz and zstd");
  app.add_flag("--json", flags->json, "print JSON");
  examples(app, {{"quire compress story.txt", "writes story.txt.quire"},
                 {"quire compress model.gguf story.txt -o - > small", "with another model"},
                 {"QUIRE_ISA=avx2 quire compress story.txt", "to decompress without AVX-512"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
