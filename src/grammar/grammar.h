// Grammar: rules made of expressions over Unicode characters, as the front ends (GBNF, JSON
// schemas, regular expressions) write them down and Automaton::compile() reads them.
//
//   Grammar g;
//   RuleId list = g.add_rule("list");
//   g.define(list, g.sequence({g.text("["), g.repeat(g.characters({{'a', 'z'}}), 0, 5),
//   g.text("]")})); g.set_root(list);
//
// Building cannot fail on the spot: the first limit that is passed is kept, everything built after
// that is nothing(), and compile() reports it. Front ends that loop ask ok().
#pragma once
#include "base/result.h"
#include "grammar/output_grammar.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quire {

using ExpressionId = uint32_t;
using RuleId = uint32_t;

struct CodeRange {
  char32_t first, last;  // both included
  bool operator==(const CodeRange&) const = default;
};
constexpr char32_t code_point_max = 0x10FFFF;
// Sorted, joined, without surrogates and what lies beyond U+10FFFF.
std::vector<CodeRange> normalize(const std::vector<CodeRange>& ranges);
// All other characters.
std::vector<CodeRange> complement(const std::vector<CodeRange>& ranges);

// A token of the vocabulary instead of characters, by its id or by its text ("<|im_end|>").
struct TokenTerminal {
  int32_t id = -1;  // -1: by its text
  std::string text;
  bool negated = false;   // any token but this one
  bool optional = false;  // a vocabulary without it is no error: the terminal then never matches
};

struct Expression {
  enum class Kind : uint8_t { nothing, characters, text, token, sequence, choice, repeat, rule };
  Kind kind = Kind::nothing;
  uint16_t depth = 1;  // expressions in one another, itself included
  uint32_t first = 0;  // in ranges, characters of text, children; the index of a rule or token
  uint32_t n = 0;      // so many of them
  uint32_t min = 0, max = 0;  // of repeat
};

class Grammar {
 public:
  static constexpr uint32_t unbounded = UINT32_MAX;

  explicit Grammar(const GrammarLimits& limits = {}) : limits_(limits) {}

  ExpressionId nothing();  // no text at all matches
  ExpressionId empty();    // the empty text
  ExpressionId text(std::string_view utf8);
  ExpressionId characters(const std::vector<CodeRange>& ranges);  // one of them
  ExpressionId token(TokenTerminal terminal);
  ExpressionId sequence(std::span<const ExpressionId> parts);
  ExpressionId sequence(std::initializer_list<ExpressionId> parts);
  ExpressionId choice(std::span<const ExpressionId> parts);
  ExpressionId choice(std::initializer_list<ExpressionId> parts);
  ExpressionId repeat(ExpressionId part, uint32_t min, uint32_t max);
  ExpressionId optional(ExpressionId part) { return repeat(part, 0, 1); }
  ExpressionId rule(RuleId id);

  // A rule that is defined later, or never: compile() names the first without a definition.
  RuleId add_rule(std::string name);
  void define(RuleId id, ExpressionId expression);
  // add_rule(), define() and rule() in one.
  ExpressionId as_rule(std::string name, ExpressionId expression);
  void set_root(RuleId id) { root_ = id; }

  bool ok() const { return !error_.has_value(); }
  const std::optional<Error>& error() const { return error_; }
  void fail_with(Error error);

  const GrammarLimits& limits() const { return limits_; }
  RuleId root() const { return root_; }
  size_t n_rules() const { return rules_.size(); }
  const std::string& rule_name(RuleId id) const { return rules_[id].name; }
  std::optional<ExpressionId> definition(RuleId id) const { return rules_[id].expression; }
  const Expression& expression(ExpressionId id) const { return expressions_[id]; }
  std::span<const CodeRange> ranges(const Expression& e) const {
    return std::span(ranges_).subspan(e.first, e.n);
  }
  std::string_view text(const Expression& e) const {
    return std::string_view(text_).substr(e.first, e.n);
  }
  std::span<const ExpressionId> children(const Expression& e) const {
    return std::span(children_).subspan(e.first, e.n);
  }
  const std::vector<TokenTerminal>& tokens() const { return tokens_; }

 private:
  struct Rule {
    std::string name;
    std::optional<ExpressionId> expression;
  };
  ExpressionId add(const Expression& expression);
  ExpressionId add_parent(Expression::Kind kind, std::span<const ExpressionId> parts);

  GrammarLimits limits_;
  RuleId root_ = 0;
  std::vector<Expression> expressions_;
  std::vector<Rule> rules_;
  std::vector<CodeRange> ranges_;
  std::vector<ExpressionId> children_;
  std::vector<TokenTerminal> tokens_;
  std::string text_;
  std::optional<Error> error_;
};

}  // namespace quire
