#include "text/charsmap.h"

#include "text/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

constexpr size_t grapheme_bytes_max = 5;

uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
uint32_t label_of(uint32_t unit) { return unit & (1u << 31 | 0xFF); }

}  // namespace

Result<Charsmap> Charsmap::create(std::string_view bytes, std::string_view name) {
  Charsmap map;
  if (bytes.empty()) return map;
  uint32_t n_trie_bytes = 0;
  if (bytes.size() >= sizeof n_trie_bytes) std::memcpy(&n_trie_bytes, bytes.data(), 4);
  if (bytes.size() < 4 || n_trie_bytes == 0 || n_trie_bytes % 4 != 0 ||
      n_trie_bytes > bytes.size() - 4) {
    return fail(Fault::bad_format,
                "{}: its table of characters to replace has {} bytes, of which {} are to be a trie",
                name, bytes.size(), n_trie_bytes);
  }
  map.units_.resize(n_trie_bytes / 4);
  std::memcpy(map.units_.data(), bytes.data() + 4, n_trie_bytes);
  map.strings_ = bytes.substr(4 + n_trie_bytes);
  map.strings_ += '\0';
  return map;
}

Charsmap::Found Charsmap::find(std::string_view text, Stop stop) const {
  Found found;
  if (units_.empty()) return found;
  uint32_t at = offset_of(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label_of(units_[at]) != byte) break;
    const bool has_leaf = (units_[at] >> 8 & 1) != 0;
    at ^= offset_of(units_[at]);
    if (at >= units_.size()) break;
    if (!has_leaf) continue;
    const size_t begin = std::min<size_t>(units_[at] & 0x7FFFFFFF, strings_.size() - 1);
    found = {i + 1, std::string_view(strings_.data() + begin)};
    if (stop == Stop::at_first) break;
  }
  return found;
}

std::string Charsmap::apply(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const Found found = longest(text);
    const size_t n =
        found.n_bytes > 0 ? found.n_bytes : std::max<size_t>(1, utf8_at(text, 0).n_bytes);
    out += found.n_bytes > 0 ? found.replacement : text.substr(0, n);
    text.remove_prefix(n);
  }
  return out;
}

std::string Charsmap::apply_to_graphemes(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  const auto replaced = [&](std::string_view part) {
    const Found found = shortest(part);
    if (found.n_bytes > 0) out += found.replacement;
    return found.n_bytes > 0;
  };
  const auto cluster = [&](std::string_view part) {
    if (part.size() <= grapheme_bytes_max && replaced(part)) return;
    for (size_t at = 0; at < part.size();) {
      const size_t n = std::max<size_t>(1, utf8_at(part, at).n_bytes);
      if (!replaced(part.substr(at, n))) out += part.substr(at, n);
      at += n;
    }
  };
  utf8proc_int32_t state = 0, previous = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Char c = utf8_at(text, at);
    const auto code = static_cast<utf8proc_int32_t>(c.code);
    if (at > 0 && utf8proc_grapheme_break_stateful(previous, code, &state)) {
      cluster(text.substr(begin, at - begin));
      begin = at;
    }
    previous = code;
    at += std::max<size_t>(1, c.n_bytes);
  }
  if (!text.empty()) cluster(text.substr(begin));
  return out;
}

}  // namespace quire
