// A template's source as tokens, with Jinja2's rules for white space: trim_blocks and lstrip_blocks
// are on (as transformers sets them), the line feed that ends the template is dropped, and - and +
// beside a delimiter strip or keep.
//
// Source: jinja2 3.1 documentation, "Whitespace Control".
#pragma once
#include "jinja/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire::jinja {

enum class TokenType : uint8_t {
  end,
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  number,  // value
  string,  // text, with its escapes resolved
  op,      // text
};

struct Token {
  TokenType type = TokenType::end;
  int line = 1;
  std::string text;
  Value value = {};
};

// The tokens, with one of type `end` after them. bad_format names the line.
Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace quire::jinja
