// JSON of requests and answers: objects keep the order of their keys, because templates show it.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace quire::server {

using Json = nlohmann::ordered_json;

// One line; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& json);

}  // namespace quire::server
