// quire create: a model of the store from a Modelfile.
#include "base/file.h"
#include "chat/chat_template.h"
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "store/create.h"

namespace quire {
namespace {

constexpr uint64_t modelfile_bytes_max = 16 << 20;

struct Flags {
  std::string name, file = "Modelfile";
};

Result<int> run(const Flags& flags) {
  const ModelRef ref = TRY(parse_model_ref(flags.name));
  const std::string text = TRY(read_file(flags.file, modelfile_bytes_max));
  const Modelfile modelfile = TRY(parse_modelfile(text, flags.file));
  if (modelfile.has_template && !modelfile.chat_template.empty())
    TRY(ChatTemplate::check(modelfile.chat_template));
  CreateOptions options;
  const size_t slash = flags.file.rfind('/');
  options.folder = slash == std::string::npos ? "." : flags.file.substr(0, slash);
  options.find = resolve_contents;
  const StoredModel model = TRY(create_model(model_store(), ref, modelfile, options));
  put_text(fmt::format("created {}\n", model.ref.text()));
  return 0;
}

}  // namespace

CommandBody command_create(CommandLine& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("MODEL", flags->name, "its name")->required()->type_name("");
  add_text(app, "-f,--file", flags->file, "the Modelfile; -: standard input", "FILE");
  examples(app, {{"printf 'FROM tales' | quire create story -f -",
                  "another name for a model; its weights stay where they are"},
                 {"printf 'FROM tales\\nPARAMETER temperature 0' | quire create calm -f -",
                  "`quire run calm` and `quire serve` do as it says"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
