// The one door through which JSON from outside comes in (RFC 8259): model headers, configurations,
// tokenizers. No exception leaves it, nesting is bounded, and a key that appears twice is refused.
#pragma once
#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

struct JsonLimits {
  int depth_max = 64;          // nested arrays and objects
  size_t keys_max = SIZE_MAX;  // of one object
};

// The document in `text`; `name` (a path) opens the error text. bad_format with the byte offset
// when it is not JSON, nests too deep, repeats a key in one object or has bytes after its end.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view name,
                                  JsonLimits limits = {});
// The same with every object's keys in the order of the text, at most 4096 in one object.
Result<nlohmann::ordered_json> parse_ordered_json(std::string_view text, std::string_view name,
                                                  JsonLimits limits = {});
// Text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_quoted(std::string_view text);
// read_file() and parse_json().
Result<nlohmann::json> read_json(const std::string& path, JsonLimits limits = {});

}  // namespace quire
