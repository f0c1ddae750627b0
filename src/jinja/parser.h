// Tokens to statements, with the grammar of Jinja2's parser.
#pragma once
#include "jinja/ast.h"
#include "jinja/lexer.h"

namespace quire::jinja {

// A body whose expressions are at most a few hundred nodes high; `limit` for a deeper one and
// bad_format for a wrong one, both with the line.
Result<Body> parse(std::vector<Token> tokens);

}  // namespace quire::jinja
