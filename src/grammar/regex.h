// Regular expressions as ECMA-262 has them (and JSON Schema's `pattern` with it), as expressions of
// a grammar: what can be matched without looking back or ahead.
//
//   a|b  (..)  (?:..)  (?<name>..)  * + ? {n} {n,} {n,m} (also with a ? behind)  .  [a-z] [^...]
//   ^ and $ where an alternative begins and ends   \d \w \s \D \W \S  \t \n \r \f \v \0 \xHH \uHHHH
//   \u{H...} \cX   \p{L} \p{Lu} \P{...} (general categories)   \ before any other sign
//
// \d, \w and \s are ASCII but for the spaces, `.` is any character but the line ends. \b,
// look-around and back references are unsupported.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <functional>
#include <string_view>

namespace quire {

enum class RegexSpan : uint8_t {
  whole,     // the expression matches the text from its first to its last character
  anywhere,  // a part of the text, unless it has ^ and $
};

// What another notation's expressions mean differently.
struct RegexFlags {
  enum class Dot : uint8_t { no_line_end, no_newline, any };
  Dot dot = Dot::no_line_end;
  bool ignore_case = false;     // letters stand for their other cases, too
  bool refuse_anchors = false;  // ^ and $ are unsupported: the expression is a part of a text
};

// How a set of characters is written down: as itself, or as a string of JSON spells it.
using WriteCharacters = std::function<ExpressionId(Grammar&, const std::vector<CodeRange>&)>;

// `name` opens the error text: bad_format with the offset, unsupported, or limit.
Result<ExpressionId> regex_expression(Grammar& grammar, std::string_view regex,
                                      std::string_view name, RegexSpan span,
                                      const WriteCharacters& write, const RegexFlags& flags = {});

}  // namespace quire
