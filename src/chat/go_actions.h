// The parts of a text in Go's template language (pkg.go.dev/text/template): the texts between the
// actions, "{{ ... }}", and the tokens of an action.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct GoAction {
  std::string_view text;  // what stands before it, trimmed as it says
  std::string_view code;  // empty behind the last text, and only there
};

// Views into `text`. bad_format for an action without an end.
Result<std::vector<GoAction>> split_go_template(std::string_view text);

struct GoToken {
  enum class Kind : uint8_t { end, name, field, variable, text, number, symbol };
  Kind kind = Kind::end;
  std::string
      value;  // of a field and a variable without "." and "$"; of a text as JSON and Jinja write it
  bool after_space = false;
};

// The last one is an end. bad_format for a text without an end and for what is no number.
Result<std::vector<GoToken>> go_tokens(std::string_view code);

// Whether `c` may be a part of a name.
bool is_go_word(char c);

}  // namespace quire
