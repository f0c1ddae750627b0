// Grammars in the notation of the Python package Lark (its grammar reference), which vLLM and
// llguidance take, too:
//
//   start: greeting (", " NAME)? "!"~1..3        // begins at `start`; x~n, x~n..m, x* x+ x? (..)
//   [..] greeting: "hi"i | "good" /morning|evening/i  -> branch NAME.2: "A".."Z" LETTER* // in
//   capitals: a terminal %import common (LETTER, WS) %ignore WS // may stand before and behind
//   every terminal data: %json {"type": "object"}               // as llguidance has it, and
//   tokens: <|name|> <[7]>
//
// Which texts follow is what Lark's Earley parser with the lexer "dynamic_complete" finds: each
// terminal matches wherever it can, and none is preferred to another. What only shapes the tree
// (? ! -> priorities) changes nothing. Regular expressions are those of regex.h, where `.` is
// anything but a newline. Refused by name: rules with parameters, attributes, other libraries than
// common, %declare, %extend, %override, negation, the flags m, l and x, ^, $ and look-around.
// llguidance's lexer takes the longest terminal, which can only refuse more.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <string_view>

namespace quire {

// bad_format with line and column, unsupported, limit. `name` opens the error text.
Result<Grammar> parse_lark(std::string_view text, std::string_view name,
                           const GrammarLimits& limits = {});
// Whether the text begins as a Lark grammar does: `name:` or `%`, where GBNF has `name ::=`.
bool looks_like_lark(std::string_view text);

}  // namespace quire
