// GBNF, the notation for grammars of llama.cpp (grammars/README.md there), exactly:
//
//   root  ::= "say " (word | number){1,3} "\n"     # begins at `root`
//   word  ::= [a-z]+ | [^\x00-\x7F] .
//   number ::= "-"? [0-9]+
//   tokens ::= <[1000]> | <|im_end|> | !<think>    tokens by id or by name, and any but one
//
// Characters are Unicode code points; \x, \u and \U give one by 2, 4 or 8 digits. A rule ends with
// its line, except inside groups and behind `::=` and `|`. Unlike there, left recursion is fine,
// underscores may be in names, and a rule may be defined only once.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <string_view>

namespace quire {

// bad_format with line and column, limit for what nests too deep. `name` opens the error text.
Result<Grammar> parse_gbnf(std::string_view text, std::string_view name,
                           const GrammarLimits& limits = {});

}  // namespace quire
