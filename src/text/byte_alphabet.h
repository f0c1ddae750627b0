// The printable alphabet in which byte-level BPE vocabularies are written: 188 bytes that are
// printable in Latin-1 stand for themselves, the other 68 are U+0100 .. U+0143 in byte order.
// Source: Radford et al. 2019 (GPT-2), the published encoder.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace quire {

// The code point (and its UTF-8) that a byte is written as.
char32_t byte_to_code(unsigned char byte);
std::string bytes_to_alphabet(std::string_view bytes);
// Empty when some character is not of the alphabet.
std::optional<std::string> alphabet_to_bytes(std::string_view text);

}  // namespace quire
