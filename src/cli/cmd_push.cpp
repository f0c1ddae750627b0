// quire push: a model of the store to a registry.
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "cli/transfer_report.h"
#include "store/push.h"

namespace quire {
namespace {

struct PushFlags {
  std::string name, ca_file;
  bool insecure = false, quiet = false;
};

Result<int> run(const PushFlags& flags) {
  const ModelRef ref = TRY(parse_model_ref(flags.name));
  PushOptions options;
  options.http = registry_options();
  options.key_files = signing_key_files();
  options.logins = registry_logins();
  options.allow_http = flags.insecure;
  if (!flags.ca_file.empty()) options.http.ca_file = flags.ca_file;
  TransferReport report;
  if (!flags.quiet) options.on_status = std::ref(report);
  const auto pushed = push_model(model_store(), ref, options);
  report.end();
  TRY(pushed);
  put_text(fmt::format("{}\n", ref.text()));
  return 0;
}

}  // namespace

CommandBody command_push(CommandLine& app) {
  auto flags = std::make_shared<PushFlags>();
  app.add_option("MODEL", flags->name, "host/namespace/model[:tag], a name in the store")
      ->required()
      ->type_name("");
  app.add_flag("--insecure", flags->insecure, "allow registries at http:// addresses");
  add_text(app, "--ca-file", flags->ca_file,
           "PEM certificates to trust instead of the system's; SSL_CERT_FILE does the same",
           "FILE");
  app.add_flag("-q,--quiet", flags->quiet, "print the name only");
  examples(app, {{"quire cp story registry.example.com/me/story",
                  "the name says where a model goes, so it gets one that does"},
                 {"quire push registry.example.com/me/story",
                  "to any registry of OCI images; QUIRE_REGISTRY_TOKEN is its token"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
