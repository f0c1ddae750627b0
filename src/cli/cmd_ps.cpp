// quire ps: the models that a running server has loaded.
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/running_server.h"
#include "cli/terminal.h"
#include "format/printable.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace quire {
namespace {

struct PsFlags {
  ServerFlags server;
  bool json = false;
};

// A model that stays for ever has a date that nobody will see: more than 20 years ahead.
std::string shown_time(const std::string& time) {
  const std::chrono::year_month_day today(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  int year = 0;
  std::from_chars(time.data(), time.data() + time.size(), year);
  return year > static_cast<int>(today.year()) + 20 ? "for ever"
                                                    : printable(time.substr(0, 19), 40);
}

Result<int> run(const PsFlags& flags) {
  const nlohmann::json answer = TRY(ask_server(flags.server, "/api/ps"));
  if (flags.json) {
    print_json(answer);
    return 0;
  }
  if (!answer.is_object() || !answer.value("models", nlohmann::json()).is_array())
    return fail(Fault::bad_format, "what answers there is no server of this kind");
  size_t width = 4;
  const auto name_of = [](const nlohmann::json& model) {
    return printable(model.value("name", std::string()), 100);
  };
  for (const auto& model : answer["models"]) width = std::max(width, name_of(model).size());
  put_text(fmt::format("{:<{}}  {:>10}  {:>8}  {}\n", "NAME", width, "MEMORY", "CONTEXT", "UNTIL"));
  for (const auto& model : answer["models"])
    put_text(fmt::format("{:<{}}  {:>6.2f} GiB  {:>8}  {}\n", name_of(model), width,
                         model.value("size", 0.0) / 0x1p30,
                         model.value("context_length", int64_t{0}),
                         shown_time(model.value("expires_at", std::string()))));
  return 0;
}

}  // namespace

CommandBody command_ps(CommandLine& app) {
  auto flags = std::make_shared<PsFlags>();
  add_server_flags(app, flags->server);
  app.add_flag("--json", flags->json, "print what the server answers");
  examples(app, {{"quire ps", "what `quire serve` on this machine has loaded"},
                 {"quire ps --host box:8080", "and one on another"}});
  return [flags] { return run(*flags); };
}

}  // namespace quire
