// Looking for markers in text that arrives in pieces.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace quire {

// Bytes at the end of the text that may be the beginning of a marker.
inline size_t held_for(std::string_view text, std::span<const std::string> markers) {
  size_t n_held = 0;
  for (const std::string& marker : markers)
    for (size_t n = std::min(text.size(), marker.size() - 1); n > n_held; --n)
      if (std::string_view(marker).starts_with(text.substr(text.size() - n))) n_held = n;
  return n_held;
}

inline size_t n_leading_blanks(std::string_view text) {
  return std::min(text.find_first_not_of(" \t\r\n"), text.size());
}
inline std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace quire
