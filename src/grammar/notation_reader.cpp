#include "grammar/notation_reader.h"

#include "format/printable.h"
#include "text/utf8.h"

#include <algorithm>

namespace quire {

bool NotationReader::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool NotationReader::take(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

std::string NotationReader::here() const {
  return at_end() ? "the end" : "'" + printable(text_.substr(at_, 12)) + "'";
}

std::string NotationReader::place() const {
  const std::string_view before = text_.substr(0, at_);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return fmt::format("{}: line {}, column {}", name_, line, at_ - line_begin + 1);
}

Result<char32_t> NotationReader::parse_hex(size_t n_digits) {
  char32_t code = 0;
  for (size_t i = 0; i < n_digits; ++i, ++at_) {
    const char c = peek();
    const int digit = is_digit(c)              ? c - '0'
                      : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                      : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                               : -1;
    if (digit < 0) return wrong("{} hexadecimal digits are expected, not {}", n_digits, here());
    code = code << 4 | static_cast<char32_t>(digit);
  }
  if (code > code_point_max || (code >= 0xD800 && code <= 0xDFFF))
    return wrong("U+{:04X} is no character", static_cast<uint32_t>(code));
  return code;
}

Result<uint32_t> NotationReader::parse_count() {
  if (!is_digit(peek())) return wrong("a number is expected, not {}", here());
  uint64_t n = 0;
  const size_t begin = at_;
  for (; is_digit(peek()); ++at_)
    n = std::min<uint64_t>(10 * n + static_cast<uint64_t>(peek() - '0'), UINT32_MAX);
  if (n > limits_.states_max)
    return fail(Fault::limit, "{}: {} repetitions (offset {}), at most {} are supported", name_,
                printable(text_.substr(begin, std::min<size_t>(at_ - begin, 24))), begin,
                limits_.states_max);
  return static_cast<uint32_t>(n);
}

Result<char32_t> NotationReader::parse_utf8() {
  if (at_end()) return wrong("a character is expected, not the end");
  const Utf8Char one = utf8_at(text_, at_);
  if (one.n_bytes == 0) return wrong("the text is not UTF-8");
  at_ += one.n_bytes;
  return one.code;
}

Result<TokenTerminal> NotationReader::parse_token() {
  const size_t begin = at_;
  const size_t end = text_.find_first_of(">\n", at_);
  if (end == text_.npos || text_[end] != '>') return wrong("this token has no '>'");
  TokenTerminal terminal;
  terminal.text = text_.substr(at_, end + 1 - at_);
  at_ = end + 1;
  if (!terminal.text.starts_with("<[")) return terminal;
  at_ = begin + 2;
  uint64_t id = 0;
  while (is_digit(peek()) && id <= INT32_MAX)
    id = 10 * id + static_cast<uint64_t>(text_[at_++] - '0');
  if (id > INT32_MAX || text_.substr(at_, 2) != "]>" || terminal.text.size() < 5)
    return wrong("a token's number and ']>' are expected, not {}", here());
  at_ += 2;
  terminal.id = static_cast<int32_t>(id);
  return terminal;
}

Result<void> NotationReader::check_depth(size_t depth) const {
  if (depth <= limits_.depth_max) return {};
  return fail(Fault::limit,
              "{}: groups nest more than {} deep (offset {}): give inner ones rules of their own",
              name_, limits_.depth_max, at_);
}

}  // namespace quire
