#include "cli/thinking_flags.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

Result<void> add_variable(nlohmann::json& kwargs, const char* name, const nlohmann::json& value) {
  if (kwargs.contains(name) && kwargs[name] != value)
    return fail(Fault::usage, "{} is given twice: in --chat-template-kwargs and by a flag", name);
  kwargs[name] = value;
  return {};
}

}  // namespace

void add_thinking_flags(CommandLine& app, ThinkingFlags& flags) {
  app.add_flag("--think{true},--no-think{false}", flags.think,
               "let the model think before it answers, or not; --think=high (low, medium) how much")
      ->check(
          one_of({"true", "false", "low", "medium", "high"}, Case::as_written, InHelp::not_listed));
  app.add_option_function<std::string>(
         "--reasoning",
         [&flags](const std::string& way) {
           flags.think = way == "on" ? "true" : way == "off" ? "false" : "";
         },
         "the same: on, off, auto")
      ->check(one_of({"on", "off", "auto"}, Case::as_written, InHelp::not_listed))
      ->type_name("WAY");
  app.add_option("--reasoning-format", flags.format,
                 "none: show thinking as the model writes it, with its markers; else apart")
      ->check(one_of({"auto", "deepseek", "none"}, Case::as_written, InHelp::not_listed))
      ->capture_default_str()
      ->type_name("FORMAT");
  add_int(app, "--reasoning-budget", flags.budget, "at most so many tokens of it; -1: no limit", -1,
          INT32_MAX);
  app.add_option("--reasoning-effort", flags.effort, "what the template is told: low, medium, high")
      ->type_name("LEVEL");
  app.add_flag("--hide-thinking,--hidethinking", flags.hide, "show the answer only");
}

Result<std::string> with_thinking_kwargs(const std::string& json, const ThinkingFlags& flags) {
  const bool is_level = !flags.think.empty() && flags.think != "true" && flags.think != "false";
  const std::string effort = is_level && flags.effort.empty() ? flags.think : flags.effort;
  if (flags.think.empty() && effort.empty()) return json;
  nlohmann::json kwargs =
      json.empty() ? nlohmann::json::object() : nlohmann::json::parse(json, nullptr, false);
  if (!kwargs.is_object()) return json;  // whoever reads it says what is wrong with it
  if (!flags.think.empty()) TRY(add_variable(kwargs, "enable_thinking", !flags.off()));
  if (!effort.empty()) TRY(add_variable(kwargs, "reasoning_effort", effort));
  return kwargs.dump();
}

}  // namespace quire
