// quire rm: models out of the store.
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"

namespace quire {
namespace {

struct RmFlags {
  std::vector<std::string> names;
};

Result<int> run(const RmFlags& flags) {
  const Store store = model_store();
  for (const std::string& name : flags.names) {
    const ModelRef ref = TRY(parse_model_ref(name));
    TRY(store.remove(ref));
    put_text(fmt::format("removed {}\n", ref.text()));
  }
  return 0;
}

}  // namespace

CommandBody command_rm(CommandLine& app) {
  auto flags = std::make_shared<RmFlags>();
  app.add_option("MODEL", flags->names, "names as `quire list` shows them")
      ->required()
      ->type_name("");
  examples(app, {{"quire rm llama3.2:1b", "the name, and the files that no other model has"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
