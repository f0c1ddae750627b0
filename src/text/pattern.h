// A pattern to find in UTF-8 text: a literal string or a regular expression in the Oniguruma syntax
// of tokenizer files, run by PCRE2 (UTF and UCP, compiled to machine code where that is possible).
//
// Where the two syntaxes mean different things the expression is rewritten: \s is the property
// White_Space (PCRE2 adds U+180E), \w is letters, marks, digits, connectors and some signs, \h is a
// hexadecimal digit, ^ and $ stand at every line. Set operations inside brackets (&&, nested sets)
// have no counterpart and are refused.
#pragma once
#include "base/result.h"
#include "text/tokenizer_spec.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quire {

struct Match {
  size_t begin = 0, end = 0;  // end >= begin
};

// What one thread needs while matching; reused from match to match.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

 private:
  friend class Pattern;
  struct State;
  std::unique_ptr<State> state_;
};

// Immutable, may be used by many threads, each with its scratch.
class Pattern {
 public:
  // unsupported or bad_format, naming the expression and where in it.
  static Result<Pattern> compile(const PatternSpec& spec, std::string_view name);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // The first match at or after `from`. text is well-formed UTF-8. Fails with limit when the
  // expression takes more than a fixed number of steps per byte of text.
  Result<std::optional<Match>> find(std::string_view text, size_t from,
                                    MatchScratch& scratch) const;

 private:
  struct Code;
  Pattern(std::string literal, std::unique_ptr<Code> code);
  std::string literal_;  // when code_ is empty
  std::unique_ptr<Code> code_;
  std::string text_;  // for errors
};

}  // namespace quire
