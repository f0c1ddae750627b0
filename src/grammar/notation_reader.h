// What the readers of grammars as text (GBNF, Lark) share: a place in the text, errors that name it
// by line and column, hexadecimal digits and counts of repetitions.
#pragma once
#include "base/result.h"
#include "grammar/grammar.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

class NotationReader {
 protected:
  NotationReader(std::string_view text, std::string_view name, const GrammarLimits& limits)
      : text_(text), name_(name), limits_(limits) {}

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  // The byte here, or so many bytes on; 0 behind the end.
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(char c);
  bool take(std::string_view word);
  bool at_end() const { return at_ >= text_.size(); }
  // What stands here, for an error text.
  std::string here() const;
  // "NAME: line 2, column 7"
  std::string place() const;
  template <class... Args>
  std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Fault::bad_format, "{}: {}", place(),
                fmt::format(format, std::forward<Args>(args)...));
  }

  // Exactly so many digits; no surrogate, nothing beyond U+10FFFF.
  Result<char32_t> parse_hex(size_t n_digits);
  // A decimal number of repetitions, within the limit of states.
  Result<uint32_t> parse_count();
  // One character of UTF-8.
  Result<char32_t> parse_utf8();
  // A token of the vocabulary: <[7]> by its number, <name> by its text.
  Result<TokenTerminal> parse_token();
  // limit, for the `depth`-th group in others.
  Result<void> check_depth(size_t depth) const;

  std::string_view text_;
  std::string_view name_;
  const GrammarLimits& limits_;
  size_t at_ = 0;
};

}  // namespace quire
