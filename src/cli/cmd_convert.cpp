// quire convert: a model in another form.
#include "base/progress.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/model_store.h"
#include "cli/output_file.h"
#include "model/model.h"
#include "model/two_files.h"
#include "model/write_gguf.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace quire {
namespace {

constexpr uint64_t shown_bytes_min = uint64_t{1} << 28;  // less takes no time to speak of

struct ConvertFlags {
  std::string model, out, to, type, pre;
  bool json = false, force = false;
  int n_threads = 0;
};

// A bar for what takes time.
class Bar {
 public:
  void operator()(uint64_t done, uint64_t total) {
    if (total < shown_bytes_min) return;
    if (!progress_) progress_.emplace("writing", total);
    progress_->update(std::min(done, total));
  }
  void finish() {
    if (progress_) progress_->finish();
  }

 private:
  std::optional<Progress> progress_;
};

Result<int> to_two_files(const ConvertFlags& flags) {
  if (!flags.type.empty() && flags.type != "f32" && flags.type != "bf16")
    return fail(Fault::usage, "--type {}: two files hold f32 or bf16", flags.type);
  if (!flags.pre.empty()) return fail(Fault::usage, "--pre is for --to gguf");
  const std::string path = TRY(resolve_model(flags.model));
  const auto model = TRY(Model::load(path));
  const TwoFilesOptions options{flags.type == "bf16" ? CMatrix::bf16 : CMatrix::f32};
  Bar bar;
  const TwoFiles files = TRY(write_two_files(
      *model, flags.out, options, [&](uint64_t done, uint64_t total) { bar(done, total); }));
  bar.finish();
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

Result<int> to_gguf(const ConvertFlags& flags) {
  WriteGgufOptions options;
  if (!flags.type.empty()) options.mix = TRY(type_mix(flags.type));
  options.pre = flags.pre;
  TRY(check_output(flags.out, flags.force));
  if (flags.out == "-") return fail(Fault::usage, "a GGUF file needs a name");
  const std::string from = TRY(resolve_model(flags.model));
  ThreadPool pool(flags.n_threads);
  Bar bar;
  const WrittenGguf written =
      TRY(write_gguf(from, flags.out, options, pool, [&](uint64_t done, uint64_t total) {
        bar(done, total);
        return true;
      }));
  bar.finish();
  if (flags.json) {
    print_json({{"file", flags.out},
                {"tensor_bytes", written.n_bytes},
                {"tensors", written.n_tensors},
                {"notes", written.notes}});
    return 0;
  }
  std::string types;
  for (const auto& [name, n] : written.n_tensors)
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", n, name);
  fmt::print("{}, {}: {}\n", flags.out, format_bytes(static_cast<double>(written.n_bytes)), types);
  for (const std::string& note : written.notes) fmt::print(stderr, "note: {}\n", note);
  return 0;
}

}  // namespace

CommandBody command_convert(CommandLine& app) {
  auto flags = std::make_shared<ConvertFlags>();
  app.add_option("MODEL", flags->model, "a .gguf file, a Hugging Face folder or a model's name")
      ->required()
      ->type_name("");
  app.add_option("--to", flags->to,
                 "the form: gguf, one file; two-files, a C program and its parameters")
      ->required()
      ->check(one_of({"gguf", "two-files"}))
      ->type_name("FORM");
  app.add_option("OUT", flags->out, "the file; of two files, the folder, made when missing")
      ->required()
      ->type_name("");
  app.add_option("--type", flags->type,
                 "how matrices are stored: f32, f16, bf16, q8_0, q4_k_m, ... (gguf; without it, as "
                 "they are); f32 or bf16 (two-files)")
      ->type_name("TYPE");
  app.add_option("--pre", flags->pre,
                 "tokenizer.ggml.pre of the file, for a folder whose way of cutting words has no "
                 "name in GGUF")
      ->type_name("NAME");
  app.add_flag("-f,--force", flags->force, "overwrite OUT");
  add_threads(app, flags->n_threads);
  app.add_flag("--json", flags->json, "print paths and sizes as JSON");
  examples(app, {{"quire convert ./Llama-3.2-1B --to gguf llama.gguf", "a folder as one file"},
                 {"quire convert llama.gguf --to gguf small.gguf --type q4_k_m", "smaller"},
                 {"quire convert tales --to two-files out", "out/run.c and out/parameters"},
                 {"cc -O2 out/run.c -lm -o story", "build it with any C compiler"},
                 {"./story out/parameters \"Once upon a time\"", "and run it"}});
  return [flags] { return flags->to == "gguf" ? to_gguf(*flags) : to_two_files(*flags); };
}

}  // namespace quire
