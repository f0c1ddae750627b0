#include "cli/answer_form.h"

#include "base/file.h"

namespace quire {
namespace {

constexpr uint64_t form_bytes_max = 16 << 20;  // the text itself has a limit of its own

using Compile = Result<OutputGrammar> (*)(std::string_view text, std::string_view name,
                                          const GrammarLimits& limits);

Result<OutputGrammar> compile_schema(std::string_view text, std::string_view name,
                                     const GrammarLimits& limits) {
  if (text == "{}") return OutputGrammar::any_json(limits);  // as in llama.cpp: any object
  return OutputGrammar::from_json_schema(text, name, limits);
}

struct FormFlag {
  const char* flag;
  const std::string& value;
  bool is_file;
  Compile compile;
};

}  // namespace

void add_form_flags(CommandLine& app, FormFlags& flags) {
  add_text(app, "--grammar", flags.grammar,
           "only answers of this grammar, in GBNF or Lark's notation", "TEXT");
  add_text(app, "--grammar-file", flags.grammar_file, "the same, in a file", "FILE");
  add_text(app, "-j,--json-schema", flags.schema, "only JSON of this schema; {}: any object",
           "JSON");
  add_text(app, "--json-schema-file", flags.schema_file, "the same, in a file", "FILE");
}

Result<std::optional<OutputGrammar>> answer_form(const FormFlags& flags) {
  const FormFlag forms[] = {
      {"--grammar", flags.grammar, false, OutputGrammar::from_grammar},
      {"--grammar-file", flags.grammar_file, true, OutputGrammar::from_grammar},
      {"--json-schema", flags.schema, false, compile_schema},
      {"--json-schema-file", flags.schema_file, true, compile_schema}};
  const FormFlag* given = nullptr;
  for (const FormFlag& form : forms) {
    if (form.value.empty()) continue;
    if (given != nullptr)
      return fail(Fault::usage, "an answer has one form: give {} or {}", given->flag, form.flag);
    given = &form;
  }
  if (given == nullptr) return std::nullopt;
  if (!given->is_file) return TRY(given->compile(given->value, given->flag, {}));
  const std::string text = TRY(read_file(given->value, form_bytes_max));
  return TRY(given->compile(text, given->value, {}));
}

}  // namespace quire
