#include "grammar/output_grammar.h"

#include "grammar/automaton.h"
#include "grammar/gbnf.h"
#include "grammar/regex.h"
#include "text/utf8.h"

namespace quire {

Result<OutputGrammar> OutputGrammar::compile(const Grammar& grammar, std::string_view name) {
  return OutputGrammar{TRY(Automaton::compile(grammar, name)), {}};
}

Result<OutputGrammar> OutputGrammar::from_gbnf(std::string_view text, std::string_view name,
                                               const GrammarLimits& limits) {
  return compile(TRY(parse_gbnf(text, name, limits)), name);
}

Result<OutputGrammar> OutputGrammar::from_regex(std::string_view text, std::string_view name,
                                                const GrammarLimits& limits) {
  Grammar grammar(limits);
  const auto write = [](Grammar& g, const std::vector<CodeRange>& r) { return g.characters(r); };
  const ExpressionId body = TRY(regex_expression(grammar, text, name, RegexSpan::whole, write));
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, body);
  grammar.set_root(root);
  return compile(grammar, name);
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
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, grammar.choice(parts));
  grammar.set_root(root);
  return compile(grammar, name);
}

}  // namespace quire
