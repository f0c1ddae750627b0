// quire stop: a running server unloads models.
#include "cli/command.h"
#include "cli/running_server.h"
#include "cli/terminal.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

struct StopFlags {
  std::vector<std::string> names;
  ServerFlags server;
};

Result<int> run(const StopFlags& flags) {
  for (const std::string& name : flags.names) {
    TRY(tell_server(flags.server, "/api/generate",
                    {{"model", name}, {"keep_alive", 0}, {"stream", false}}));
    put_text(fmt::format("stopped {}\n", name));
  }
  return 0;
}

}  // namespace

CommandBody command_stop(CommandLine& app) {
  auto flags = std::make_shared<StopFlags>();
  app.add_option("MODEL", flags->names, "names as `quire ps` shows them")
      ->required()
      ->type_name("");
  add_server_flags(app, flags->server);
  examples(app, {{"quire stop tales", "its memory is given back as soon as its answers are done"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
