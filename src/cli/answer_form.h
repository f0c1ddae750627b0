// The form that an answer is held to, as llama.cpp's flags say it.
#pragma once
#include "cli/command_line.h"
#include "grammar/output_grammar.h"

#include <optional>
#include <string>

namespace quire {

// --grammar, --grammar-file, -j/--json-schema, -jf/--json-schema-file
struct FormFlags {
  std::string grammar, grammar_file, schema, schema_file;
};
void add_form_flags(CommandLine& app, FormFlags& flags);
// Compiled; nothing when the answer is free. usage when more than one form is given, else as
// OutputGrammar says.
Result<std::optional<OutputGrammar>> answer_form(const FormFlags& flags);

}  // namespace quire
