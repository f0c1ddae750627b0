// quire cp: another name for a model of the store.
#include "cli/command.h"
#include "cli/model_store.h"
#include "cli/terminal.h"

namespace quire {
namespace {

struct CpFlags {
  std::string from, to;
};

Result<int> run(const CpFlags& flags) {
  const ModelRef from = TRY(parse_model_ref(flags.from)), to = TRY(parse_model_ref(flags.to));
  TRY(model_store().copy(from, to));
  put_text(fmt::format("copied {} to {}\n", from.text(), to.text()));
  return 0;
}

}  // namespace

CommandBody command_cp(CommandLine& app) {
  auto flags = std::make_shared<CpFlags>();
  app.add_option("FROM", flags->from, "a model of the store")->required()->type_name("");
  app.add_option("TO", flags->to, "its new name; the files are shared")->required()->type_name("");
  examples(app, {{"quire cp llama3.2:1b mine", "before a `quire create` that changes it"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
