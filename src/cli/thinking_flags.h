// What a model that thinks before it answers is told about it, and how its thinking is shown.
#pragma once
#include "cli/command_line.h"

#include <string>

namespace quire {

// --think, --no-think, --reasoning, --reasoning-format, --reasoning-budget, --reasoning-effort,
// --hide-thinking
struct ThinkingFlags {
  std::string think;            // "": as the template has it; true, false, low, medium, high
  std::string format = "auto";  // none: the text as the model writes it, markers and all
  std::string effort;
  int64_t budget = -1;  // tokens; -1: no limit
  bool hide = false;

  // A chat is needed for any of these.
  bool asks() const { return !think.empty() || !effort.empty() || budget >= 0; }
  bool off() const { return think == "false"; }
};
void add_thinking_flags(CommandLine& app, ThinkingFlags& flags);
// The variables of the template that say it, as members of a JSON object that are added to `json`
// ("" or the text of an object): enable_thinking, reasoning_effort. usage when one is there
// already.
Result<std::string> with_thinking_kwargs(const std::string& json, const ThinkingFlags& flags);

}  // namespace quire
