// JSON on standard output, for the commands that have --json.
#pragma once
#include <nlohmann/json.hpp>

namespace quire {

// One line. Bytes that are not UTF-8 become U+FFFD.
void print_json(const nlohmann::json& value);

}  // namespace quire
