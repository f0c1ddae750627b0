// Modelfile: how a model is made of others, as Ollama has it.
//
//   # a comment
//   FROM ./model.gguf                  a file, or the name of a model
//   ADAPTER ./lora.gguf
//   PARAMETER temperature 0.7          as often as wanted; `stop` may come several times
//   TEMPLATE """several
//   lines"""
//   SYSTEM "You are brief."
//   MESSAGE user Hello
//   LICENSE """..."""
//   REQUIRES 0.1.0                     the least version of the program
//
// Instructions in any case. Text in """ runs to the next """, over lines; in " to the end of its
// line.
#pragma once
#include "base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quire {

struct Modelfile {
  std::string from;
  std::vector<std::string> adapters, licenses;
  std::string chat_template, system;
  bool has_template = false, has_system = false;
  std::vector<std::pair<std::string, std::string>> parameters;  // name, value as written
  std::vector<std::pair<std::string, std::string>> messages;    // role, text
};

// bad_format with the line: an unknown instruction, one without its text, no FROM, a second FROM, a
// parameter or role that is not known, a value that is no number. unsupported when REQUIRES asks
// for more.
Result<Modelfile> parse_modelfile(std::string_view text, std::string_view name);
// What a PARAMETER and a MESSAGE line may say; usage names what is wrong. The name in small
// letters.
Result<void> check_parameter(std::string_view name, std::string_view value);
Result<void> check_role(std::string_view role);
// The parameters as JSON: numbers and booleans as such, repeated ones as lists. "" without any.
std::string parameters_json(const Modelfile& modelfile);

}  // namespace quire
