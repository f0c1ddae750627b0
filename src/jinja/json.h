// JSON to values and back: messages and tools come in, `tojson` goes out.
#pragma once
#include "jinja/value.h"

#include <string>
#include <string_view>

namespace quire::jinja {

// The document in `text`, keys in their order; `name` opens the error text. bad_format when it is
// no JSON, nests more than 64 deep, or has an integer that no 64 bits hold. Of a key that appears
// twice the last value counts, as in Python.
Result<Value> parse_json_value(std::string_view text, std::string_view name);

// Python's json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool has_indent = false;
  std::string indent;  // of one level
  // Without has_separators ", " and ": "; "," before a line feed.
  bool has_separators = false;
  std::string item_separator, key_separator;
  size_t bytes_max = SIZE_MAX;
};
// bad_format names a value that JSON has no word for (undefined, a function, ...).
Result<std::string> json_text(const Value& value, const JsonStyle& style = {});

}  // namespace quire::jinja
