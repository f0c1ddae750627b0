// Base64 (RFC 4648, section 4).
#pragma once
#include <string>
#include <string_view>

namespace quire {

std::string base64_encoded(std::string_view bytes);
// With or without the '=' at the end; false for what is no base64.
bool base64_decoded(std::string_view text, std::string& bytes);

}  // namespace quire
