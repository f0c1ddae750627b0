#include "text/byte_alphabet.h"

#include "text/utf8.h"

#include <array>
#include <cstdint>

namespace quire {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr int n_codes = 0x144;  // one past the largest code point used

struct Alphabet {
  std::array<char32_t, 256> code{};
  std::array<int16_t, n_codes> byte{};  // -1: not of the alphabet
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  for (auto& byte : alphabet.byte) byte = -1;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t code = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.code[static_cast<size_t>(byte)] = code;
    alphabet.byte[code] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet alphabet = make_alphabet();

}  // namespace

char32_t byte_to_code(unsigned char byte) { return alphabet.code[byte]; }

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) append_utf8(text, byte_to_code(static_cast<unsigned char>(byte)));
  return text;
}

std::optional<std::string> alphabet_to_bytes(std::string_view text) {
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    if (c.n_bytes == 0 || c.code >= n_codes || alphabet.byte[c.code] < 0) return std::nullopt;
    bytes += static_cast<char>(alphabet.byte[c.code]);
    at += c.n_bytes;
  }
  return bytes;
}

}  // namespace quire
