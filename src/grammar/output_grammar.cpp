#include "grammar/output_grammar.h"

#include "grammar/automaton.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/json_text.h"
#include "grammar/lark.h"
#include "grammar/regex.h"
#include "text/utf8.h"

namespace quire {
namespace {

Result<OutputGrammar> compile_root(Grammar& grammar, ExpressionId body, std::string_view name) {
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, body);
  grammar.set_root(root);
  return OutputGrammar::compile(grammar, name);
}

}  // namespace

Result<OutputGrammar> OutputGrammar::compile(const Grammar& grammar, std::string_view name) {
  return OutputGrammar{TRY(Automaton::compile(grammar, name)), {}};
}

Result<OutputGrammar> OutputGrammar::from_gbnf(std::string_view text, std::string_view name,
                                               const GrammarLimits& limits) {
  return compile(TRY(parse_gbnf(text, name, limits)), name);
}

Result<OutputGrammar> OutputGrammar::from_lark(std::string_view text, std::string_view name,
                                               const GrammarLimits& limits) {
  return compile(TRY(parse_lark(text, name, limits)), name);
}

Result<OutputGrammar> OutputGrammar::from_grammar(std::string_view text, std::string_view name,
                                                  const GrammarLimits& limits) {
  return looks_like_lark(text) ? from_lark(text, name, limits) : from_gbnf(text, name, limits);
}

Result<OutputGrammar> OutputGrammar::from_json_schema(std::string_view text, std::string_view name,
                                                      const GrammarLimits& limits) {
  Grammar grammar(limits);
  const ExpressionId body = TRY(json_schema_expression(grammar, text, name));
  return compile_root(grammar, body, name);
}

Result<OutputGrammar> OutputGrammar::any_json(const GrammarLimits& limits) {
  Grammar grammar(limits);
  JsonText json(grammar);
  return compile_root(grammar, json.object(), "json");
}

Result<OutputGrammar> OutputGrammar::from_regex(std::string_view text, std::string_view name,
                                                const GrammarLimits& limits) {
  Grammar grammar(limits);
  const auto write = [](Grammar& g, const std::vector<CodeRange>& r) { return g.characters(r); };
  const ExpressionId body = TRY(regex_expression(grammar, text, name, RegexSpan::whole, write));
  return compile_root(grammar, body, name);
}

Result<OutputGrammar> OutputGrammar::from_choices(const std::vector<std::string>& choices,
                                                  std::string_view name,
                                                  const GrammarLimits& limits) {
  Grammar grammar(limits);
  std::vector<ExpressionId> parts;
  for (const std::string& choice : choices) {
    if (utf8_valid_prefix(choice) != choice.size())
      return fail(Fault::bad_format, "{}: choice {} is not UTF-8", name, parts.size() + 1);
    parts.push_back(grammar.text(choice));
  }
  if (parts.empty()) return fail(Fault::usage, "{}: there are no choices", name);
  return compile_root(grammar, grammar.choice(parts), name);
}

}  // namespace quire
