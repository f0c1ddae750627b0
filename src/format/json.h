// The one door through which JSON from outside comes in (RFC 8259): model headers, configurations,
// tokenizers. No exception leaves it, nesting is bounded, and a key that appears twice is refused.
#pragma once
#include "base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace quire {

struct JsonLimits {
  int depth_max = 64;  // nested arrays and objects
};

// The document in `text`; `name` (a path) opens the error text. bad_format with the byte offset
// when it is not JSON, nests too deep, repeats a key in one object or has bytes after its end.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view name,
                                  JsonLimits limits = {});
// read_file() and parse_json().
Result<nlohmann::json> read_json(const std::string& path, JsonLimits limits = {});

}  // namespace quire
