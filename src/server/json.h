// JSON of requests and answers: objects keep the order of their keys, because templates show it.
#pragma once
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace quire::server {

using Json = nlohmann::ordered_json;

// One line; bytes that are not UTF-8 become U+FFFD.
std::string to_text(const Json& json);
// base64 of bytes, and back; false for what is no base64.
std::string base64_encoded(std::string_view bytes);
bool base64_decoded(std::string_view text, std::string& bytes);

}  // namespace quire::server
