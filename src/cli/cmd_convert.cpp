// quire convert: a model in another form.
#include "base/progress.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "model/find_model.h"
#include "model/two_files.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace quire {
namespace {

constexpr uint64_t shown_bytes_min = uint64_t{1} << 28;  // less takes no time to speak of

struct Flags {
  std::string model, directory, to, type = "f32";
  bool json = false;
};

Result<int> run(const Flags& flags) {
  const std::string path = TRY(resolve_model(flags.model));
  const auto model = TRY(Model::load(path));
  const TwoFilesOptions options{flags.type == "bf16" ? CMatrix::bf16 : CMatrix::f32};
  std::optional<Progress> progress;
  const auto show = [&](uint64_t done, uint64_t total) {
    if (total < shown_bytes_min) return;
    if (!progress) progress.emplace("writing", total);
    progress->update(std::min(done, total));
  };
  const TwoFiles files = TRY(write_two_files(*model, flags.directory, options, show));
  if (progress) progress->finish();
  if (flags.json) {
    print_json({{"program", files.program_path},
                {"program_lines", files.n_program_lines},
                {"parameters", files.parameters_path},
                {"parameter_bytes", files.n_parameter_bytes}});
    return 0;
  }
  fmt::print("{}, {} lines\n{}, {}\n", files.program_path, files.n_program_lines,
             files.parameters_path, format_bytes(static_cast<double>(files.n_parameter_bytes)));
  return 0;
}

}  // namespace

CommandBody command_convert(CommandLine& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("MODEL", flags->model, "a .gguf file, a Hugging Face folder or a bundled name")
      ->required()
      ->type_name("");
  app.add_option("--to", flags->to, "the form: two-files, a C program and its parameters")
      ->required()
      ->check(one_of({"two-files"}))
      ->type_name("FORM");
  app.add_option("DIR", flags->directory, "where run.c and parameters go; made when missing")
      ->required()
      ->type_name("");
  app.add_option("--type", flags->type, "how matrices are stored: f32 or bf16")
      ->check(one_of({"f32", "bf16"}))
      ->capture_default_str()
      ->type_name("TYPE");
  app.add_flag("--json", flags->json, "print paths and sizes as JSON");
  examples(app, {{"quire convert tales --to two-files out", "out/run.c and out/parameters"},
                 {"cc -O2 out/run.c -lm -o story", "build it with any C compiler"},
                 {"./story out/parameters \"Once upon a time\"", "and run it"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
