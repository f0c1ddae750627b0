#include "text/added_tokens.h"

#include "text/unicode.h"
#include "text/utf8.h"

#include <algorithm>

namespace quire {
namespace {

// The character that ends at text[end].
char32_t character_before(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) {
    --begin;
  }
  const Utf8Char c = utf8_at(text, begin);
  return c.n_bytes == end - begin ? c.code : replacement_character;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_character(character_before(text, begin))) return false;
  return end == text.size() || !is_word_character(utf8_at(text, end).code);
}

size_t spaces_before(std::string_view text, size_t end, size_t begin_min) {
  while (end > begin_min) {
    const char32_t code = character_before(text, end);
    if (!is_white_space(code)) break;
    end -= code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
  }
  return end;
}

size_t spaces_behind(std::string_view text, size_t begin) {
  while (begin < text.size()) {
    const Utf8Char c = utf8_at(text, begin);
    if (c.n_bytes == 0 || !is_white_space(c.code)) break;
    begin += c.n_bytes;
  }
  return begin;
}

// Whether a place lies inside [begin, end).
bool crosses(std::span<const size_t> places, size_t begin, size_t end) {
  const auto after = std::ranges::upper_bound(places, begin);
  return after != places.end() && *after < end;
}

}  // namespace

void AddedTokens::add(const AddedTokenSpec& token, std::string_view text) {
  matcher_.add(text, static_cast<int32_t>(tokens_.size()));
  tokens_.push_back(token);
}

Result<void> AddedTokens::split(std::string_view text, ParseSpecial parse,
                                FunctionRef<Result<void>(int32_t id, std::string_view part)> part,
                                std::span<const size_t> plain_at) const {
  size_t done = 0;  // everything before has been given out
  for (size_t at = matcher_.next_start(text, 0); at < text.size();
       at = matcher_.next_start(text, at)) {
    const PrefixMatcher::Found found = matcher_.find(text.substr(at));
    if (found.id < 0) {
      ++at;
      continue;
    }
    const AddedTokenSpec& token = tokens_[static_cast<size_t>(found.id)];
    size_t begin = at, end = at + found.n_bytes;
    at = end;
    if (token.special && (parse == ParseSpecial::as_text || crosses(plain_at, begin, end)))
      continue;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    // A token before this one may have swallowed the white space it begins with.
    begin = std::max(begin, done);
    if (token.lstrip) begin = spaces_before(text, begin, done);
    if (token.rstrip) end = spaces_behind(text, end);
    if (begin > done) TRY(part(-1, text.substr(done, begin - done)));
    TRY(part(token.id, text.substr(begin, end - begin)));
    done = std::max(done, end);
  }
  if (done < text.size()) TRY(part(-1, text.substr(done)));
  return {};
}

}  // namespace quire
