#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

bool is_tail(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// Of a lead byte: the length it announces, 0 for a byte that leads nothing.
uint32_t announced_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// The second byte is where overlong forms, surrogates and too large codes are told from others.
bool second_fits(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return is_tail(second);
  }
}

}  // namespace

Utf8Char utf8_at(std::string_view text, size_t at) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data()) + at;
  const size_t left = text.size() - at;
  if (p[0] < 0x80) return {p[0], 1};
  const uint32_t n = announced_bytes(p[0]);
  if (n == 0 || left < n || !second_fits(p[0], p[1])) return {};
  if (n == 2) return {static_cast<char32_t>((p[0] & 0x1F) << 6 | (p[1] & 0x3F)), 2};
  if (!is_tail(p[2])) return {};
  if (n == 3) {
    return {static_cast<char32_t>((p[0] & 0x0F) << 12 | (p[1] & 0x3F) << 6 | (p[2] & 0x3F)), 3};
  }
  if (!is_tail(p[3])) return {};
  return {static_cast<char32_t>((p[0] & 0x07) << 18 | (p[1] & 0x3F) << 12 | (p[2] & 0x3F) << 6 |
                                (p[3] & 0x3F)),
          4};
}

size_t utf8_valid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word;
    if (at + 8 <= text.size() &&
        (std::memcpy(&word, text.data() + at, 8), (word & 0x8080808080808080u) == 0)) {
      at += 8;
      continue;
    }
    const uint32_t n = utf8_at(text, at).n_bytes;
    if (n == 0) break;
    at += n;
  }
  return at;
}

size_t utf8_invalid_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && utf8_at(text, at).n_bytes == 0) ++at;
  return at;
}

size_t utf8_incomplete_tail(std::string_view text) {
  const size_t n = text.size();
  for (size_t back = 1; back <= 3 && back <= n; ++back) {
    const auto lead = static_cast<unsigned char>(text[n - back]);
    if (is_tail(lead)) continue;
    if (announced_bytes(lead) <= back) return n;
    if (back >= 2 && !second_fits(lead, static_cast<unsigned char>(text[n - back + 1]))) return n;
    return n - back;
  }
  return n;
}

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

size_t utf8_broken_part(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t n = std::min<size_t>(announced_bytes(lead), text.size());
  if (n < 2 || !second_fits(lead, static_cast<unsigned char>(text[1]))) return 1;
  size_t end = 2;
  while (end < n && is_tail(static_cast<unsigned char>(text[end]))) ++end;
  return end;
}

std::string utf8_replace_invalid(std::string_view text, ReplaceEach each) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t n_valid = utf8_valid_prefix(text);
    out += text.substr(0, n_valid);
    text.remove_prefix(n_valid);
    if (text.empty()) break;
    append_utf8(out, replacement_character);
    text.remove_prefix(each == ReplaceEach::part ? utf8_broken_part(text) : 1);
  }
  return out;
}

}  // namespace quire
