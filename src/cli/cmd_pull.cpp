// quire pull: models from registries.
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "cli/transfer_report.h"
#include "store/pull.h"

namespace quire {
namespace {

struct PullFlags {
  std::string name, ca_file;
  bool insecure = false, quiet = false;
  int64_t n_parallel = 4;
};

Result<int> run(const PullFlags& flags) {
  const ModelRef ref = TRY(parse_model_ref(flags.name));
  PullOptions options = pull_options();
  options.allow_http = flags.insecure;
  options.download.n_parallel = static_cast<int>(flags.n_parallel);
  if (!flags.ca_file.empty()) options.download.http.ca_file = flags.ca_file;
  TransferReport report;
  if (!flags.quiet) options.on_status = std::ref(report);
  const auto pulled = pull_model(model_store(), ref, options);
  report.end();
  if (!pulled) return std::unexpected(pulled.error());
  put_text(fmt::format("{}\n", pulled->ref.text()));
  return 0;
}

}  // namespace

CommandBody command_pull(CommandLine& app) {
  auto flags = std::make_shared<PullFlags>();
  app.add_option("MODEL", flags->name,
                 "[host/][namespace/]model[:tag], or hf.co/user/repo[:Q4_K_M]")
      ->required()
      ->type_name("");
  add_int(app, "--parallel", flags->n_parallel, "parts of a file at once", 1, 16);
  app.add_flag("--insecure", flags->insecure, "allow registries at http:// addresses");
  add_text(app, "--ca-file", flags->ca_file,
           "PEM certificates to trust instead of the system's; SSL_CERT_FILE does the same",
           "FILE");
  app.add_flag("-q,--quiet", flags->quiet, "print the name only");
  examples(app, {{"quire pull llama3.2:1b", "from Ollama's registry"},
                 {"quire pull hf.co/user/repo:Q4_K_M",
                  "GGUF files of Hugging Face; HF_TOKEN or the token of its login is used"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
