#include "format/printable.h"

#include <fmt/format.h>

#include <cstdint>

namespace quire {
namespace {

// Length of the well-formed UTF-8 sequence at `at` and its code point; 0 when there is none.
size_t decode_utf8(std::string_view text, size_t at, uint32_t& code) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const uint32_t first = byte(at);
  if (first < 0x80) return code = first, 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
  code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0u) != 0x80u) return 0;
    code = code << 6 | (byte(at + i) & 0x3fu);
  }
  const uint32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  return code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : length;
}

// Controls, and the marks that reorder or hide what stands around them.
bool is_unprintable(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

}  // namespace

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (at >= bytes_max) return out + "...";
    uint32_t code = 0;
    const size_t length = decode_utf8(text, at, code);
    if (length > 0 && !is_unprintable(code)) {
      out += text.substr(at, length);
    } else if (text[at] == '\n') {
      out += "\\n";
    } else {
      for (size_t i = 0; i < (length > 0 ? length : 1); ++i)
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at + i]));
    }
    at += length > 0 ? length : 1;
  }
  return out;
}

}  // namespace quire
