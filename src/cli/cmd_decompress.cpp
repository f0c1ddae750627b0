// quire decompress: the file that `quire compress` was given.
#include "base/file.h"
#include "base/isa.h"
#include "base/progress.h"
#include "cli/generation.h"
#include "cli/json_output.h"
#include "cli/output_file.h"
#include "engine/compress.h"
#include "model/find_model.h"

namespace quire {
namespace {

struct DecompressFlags {
  std::vector<std::string> positionals;
  std::string model, output;
  bool force = false, json = false;
  int64_t bytes_max = 1 << 30;
  int n_threads = 0;
};

Result<std::string> output_name(const DecompressFlags& flags, const std::string& file) {
  if (!flags.output.empty()) return flags.output;
  if (file == "-") return std::string("-");
  constexpr std::string_view ending = ".quire";
  if (file.size() > ending.size() && file.ends_with(ending))
    return file.substr(0, file.size() - ending.size());
  return fail(Fault::usage, "{}: the name does not end in .quire, so say where to with -o", file);
}

std::unexpected<Error> with_name(const std::string& file, const Error& error) {
  return fail(error.fault, "{}: {}", file == "-" ? "standard input" : file, error.text);
}

Result<int> run(const DecompressFlags& flags) {
  const ModelAndFile what = TRY(split_model_and_file(flags.model, flags.positionals));
  const std::string output = TRY(output_name(flags, what.file));
  if (output == "-" && flags.json)
    return fail(Fault::usage, "--json and the file cannot both go to standard output");
  if (output != "-") TRY(check_output(output, flags.force));
  const std::string bytes = TRY(read_file(what.file, compress_bytes_max));
  const auto info = read_compressed_info(bytes);
  if (!info) return with_name(what.file, info.error());
  // Before the model is loaded: from here on only what the compressor used.
  if (info->isa < isa()) limit_isa(info->isa);

  auto model = TRY(Model::load(what.model_path));
  CompressOptions options;
  options.n_threads = flags.n_threads;
  options.bytes_max = static_cast<uint64_t>(flags.bytes_max);
  std::optional<Progress> bar;
  options.progress = [&](uint64_t n_done, uint64_t n_total) {
    if (!bar) bar.emplace("decompressing", n_total);
    bar->update(n_done);
  };
  const auto data = decompress(model, bytes, options);
  if (!data) return with_name(what.file, data.error());
  if (bar) bar->finish();
  TRY(write_output(output, *data));
  if (flags.json)
    print_json({{"model", model_name(model->path())},
                {"output", output},
                {"bytes", data->size()},
                {"compressed_bytes", bytes.size()}});
  else if (output != "-")
    fmt::print("{}: {} bytes\n", output, data->size());
  return 0;
}

}  // namespace

CommandBody command_decompress(CommandLine& app) {
  auto flags = std::make_shared<DecompressFlags>();
  app.add_option("[MODEL] FILE", flags->positionals,
                 "the model that compressed it and the file; -: standard input")
      ->type_name("")
      ->required()
      ->expected(1, 2);
  add_model_flag(app, flags->model);
  add_text(app, "-o,--output", flags->output, "where to; -: standard output [FILE without .quire]",
           "OUT");
  app.add_flag("--force", flags->force, "overwrite a file that is there");
  add_int(app, "--bytes-max", flags->bytes_max, "refuse to write more than this", 0,
          static_cast<int64_t>(compress_bytes_max));
  add_threads(app, flags->n_threads);
  app.add_flag("--json", flags->json, "print JSON");
  examples(app, {{"quire decompress story.txt.quire", "writes story.txt"},
                 {"quire decompress model.gguf small -o - | less", "with another model"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
