// UTF-8, one character at a time. Well-formed is what Unicode 15, table 3-7 says: no surrogates,
// nothing overlong, nothing above U+10FFFF.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

constexpr char32_t replacement_character = 0xFFFD;

struct Utf8Char {
  char32_t code = 0;
  uint32_t n_bytes = 0;  // 0: the byte there begins no well-formed character
};

// The character that begins at text[at]; at < text.size().
Utf8Char utf8_at(std::string_view text, size_t at);
// Bytes of the longest well-formed prefix.
size_t utf8_valid_prefix(std::string_view text);
// Bytes of the longest prefix without any well-formed character.
size_t utf8_invalid_prefix(std::string_view text);
// Where a character that may still become complete begins: text.size(), or up to three bytes less.
size_t utf8_incomplete_tail(std::string_view text);
void append_utf8(std::string& out, char32_t code);
// Bytes of what stands at the front of a text that begins with no well-formed character: the
// beginning of one as far as it goes (Unicode 15, section 3.9, "maximal subpart"), else one byte.
size_t utf8_broken_part(std::string_view text);
enum class ReplaceEach { part, byte };
// What is in no well-formed character becomes U+FFFD: one for each of these parts, as the Unicode
// standard and most programs have it, or one for each byte.
std::string utf8_replace_invalid(std::string_view text, ReplaceEach each = ReplaceEach::part);

}  // namespace quire
