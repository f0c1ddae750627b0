// The parts of JSON (RFC 8259) as expressions of one grammar, each rule made when first needed.
//
// Between tokens at most 64 characters of white space may stand, none before and behind the whole:
// an answer cannot be blanks for ever. A string that must have a certain value is spelled in one
// way: characters as themselves, the short escapes where JSON needs one, \u00XX for other control
// characters. Strings that are free may use every escape.
#pragma once
#include "grammar/grammar.h"
#include "grammar/schema_value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class JsonText {
 public:
  explicit JsonText(Grammar& grammar) : g_(grammar) {}

  ExpressionId space();      // that may stand between two tokens
  ExpressionId value();      // any
  ExpressionId object();     // any
  ExpressionId array();      // any
  ExpressionId string();     // any
  ExpressionId character();  // one character of a string, in any spelling
  ExpressionId number();
  ExpressionId boolean();

  // A value as it is, with white space between its tokens.
  ExpressionId exactly(const SchemaValue& value);
  // "name" in quotes.
  ExpressionId exactly(std::string_view text);
  // One character of the set in its one spelling (see above).
  ExpressionId one_of(const std::vector<CodeRange>& ranges);
  // A string in quotes that is none of these, every character in its one spelling.
  ExpressionId string_but(const std::vector<std::string>& names);

  ExpressionId quoted(ExpressionId inside);
  // "[" parts with commas between them "]"; the same for "{" and "}".
  ExpressionId comma();
  ExpressionId member(ExpressionId name, ExpressionId value);  // name: value and white space
  ExpressionId enclosed(std::string_view open, ExpressionId inside, std::string_view close);

 private:
  Grammar& g_;
  std::optional<ExpressionId> space_, object_, array_, string_, character_, number_, boolean_,
      spelled_;
  std::optional<RuleId> value_;
};

}  // namespace quire
