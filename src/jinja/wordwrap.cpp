// The filter wordwrap: every line of a text broken to a width, as Python's textwrap does it.
//
// A text falls into chunks that stay together: runs of blanks, words, parts of words that end at a
// hyphen between letters ("well-" of "well-known"), and dashes between words. Lines take as many
// chunks as fit; blanks at their ends go, and a chunk that is too long for any line is cut.
// Sources: the Python library reference (textwrap), template designer documentation of Jinja2 3.1.
#include "jinja/filters.h"
#include "jinja/interpreter.h"
#include "jinja/python_text.h"

#include <algorithm>

namespace quire::jinja {
namespace {

using Chunk = std::u32string_view;

bool is_blank(char32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter(char32_t c) { return is_word(c) && !is_decimal_digit(c); }
bool ends_clause(char32_t c) {
  return is_word(c) || std::u32string_view(U"!\"'&.,?").find(c) != std::u32string_view::npos;
}
bool is_white(Chunk chunk) { return std::ranges::all_of(chunk, is_python_space); }

// The text as chunks, from front to back.
class Splitter {
 public:
  Splitter(Chunk text, bool at_hyphens) : text_(text), at_hyphens_(at_hyphens) {}

  // Empty at the end of the text.
  Chunk next() {
    const size_t begin = at_;
    if (begin < text_.size())
      at_ = is_blank(text_[begin]) ? end_of_blanks(begin) : end_of_part(begin);
    return text_.substr(begin, at_ - begin);
  }

 private:
  bool letter_at(size_t i) const { return i < text_.size() && is_letter(text_[i]); }
  bool hyphen_at(size_t i) const { return i < text_.size() && text_[i] == '-'; }
  size_t end_of_blanks(size_t at) const {
    while (at < text_.size() && is_blank(text_[at])) ++at;
    return at;
  }

  // Behind two or more hyphens at this place that stand between words; else the place itself.
  size_t end_of_dash(size_t at) const {
    if (at == 0 || !hyphen_at(at) || !hyphen_at(at + 1) || !ends_clause(text_[at - 1])) return at;
    size_t end = at;
    while (hyphen_at(end)) ++end;
    return end < text_.size() && is_word(text_[end]) ? end : at;
  }

  // Whether the hyphen here ends a part of a word: behind two letters, or a letter between hyphens,
  // and in front of two letters, which another hyphen may part.
  bool parts_word(size_t i) const {
    const bool behind = (i >= 2 && letter_at(i - 2) && letter_at(i - 1)) ||
                        (i >= 3 && letter_at(i - 3) && hyphen_at(i - 2) && letter_at(i - 1));
    return behind && letter_at(i + 1) &&
           (letter_at(i + 2) || (hyphen_at(i + 2) && letter_at(i + 3)));
  }

  size_t end_of_part(size_t at) const {
    if (!at_hyphens_) {
      while (at < text_.size() && !is_blank(text_[at])) ++at;
      return at;
    }
    if (const size_t end = end_of_dash(at); end > at) return end;
    for (size_t i = at + 1;; ++i) {
      if (hyphen_at(i) && parts_word(i)) return i + 1;
      if (i >= text_.size() || is_blank(text_[i]) || end_of_dash(i) > i) return i;
    }
  }

  Chunk text_;
  bool at_hyphens_;
  size_t at_ = 0;
};

struct WrapStyle {
  size_t width = 79;
  bool cut_words = true;
  bool hyphens = true;           // a cut goes behind a hyphen where there is one
  bool split_at_hyphens = true;  // words fall into parts at hyphens
};

// Where a chunk that is longer than a line is cut, with so much room left in its line.
size_t cut_of(Chunk chunk, size_t room, bool hyphens) {
  if (!hyphens || chunk.size() <= room || room == 0) return room;
  const size_t hyphen = chunk.rfind(U'-', room - 1);
  const bool useful = hyphen != Chunk::npos && hyphen > 0 &&
                      chunk.substr(0, hyphen).find_first_not_of(U'-') != Chunk::npos;
  return useful ? hyphen + 1 : room;
}

// The lines of a text one by one; empty at the end. A line is a stretch of the text: chunks follow
// each other in it.
class Lines {
 public:
  Lines(Chunk text, const WrapStyle& style)
      : style_(style), splitter_(text, style.split_at_hyphens), waiting_(splitter_.next()) {}

  Chunk next() {
    while (!waiting_.empty()) {
      if (!first_ && is_white(waiting_)) waiting_ = splitter_.next();
      const Chunk line = without_last_blanks();
      if (line.empty()) continue;
      first_ = false;
      return line;
    }
    return {};
  }

 private:
  Chunk without_last_blanks() {
    const char32_t* begin = waiting_.data();
    size_t n = 0, n_last = 0;
    const auto take = [&](size_t n_characters) {
      n += n_last = n_characters;
      waiting_.remove_prefix(n_characters);
      if (waiting_.empty()) waiting_ = splitter_.next();
    };
    while (!waiting_.empty() && n + waiting_.size() <= style_.width) take(waiting_.size());
    if (waiting_.size() > style_.width) {
      if (style_.cut_words)
        take(cut_of(waiting_, style_.width - n, style_.hyphens));
      else if (n == 0)
        take(waiting_.size());
    }
    const Chunk line(begin, n);
    return is_white(line.substr(n - n_last)) ? line.substr(0, n - n_last) : line;
  }

  const WrapStyle& style_;
  Splitter splitter_;
  Chunk waiting_;
  bool first_ = true;
};

}  // namespace

Result<Value> wordwrap(Call& c) {
  if (!c.self.is(Kind::string))
    return fail(Fault::bad_format, "wordwrap needs a string, not '{}'", type_name(c.self));
  const int64_t width = TRY(c.integer(0, 79));
  const bool has_wrap = c.has(2) && !c[2].is(Kind::none);
  const std::string_view wrap = has_wrap ? TRY(c.string(2)) : "\n";
  WrapStyle style;
  style.cut_words = c.flag(1, true);
  style.hyphens = c.flag(3, true);
  style.split_at_hyphens = style.hyphens && (!c.has(3) || c[3].is(Kind::boolean));
  std::string out;
  const auto add = [&](std::string_view text) -> Result<void> {
    TRY(c.in.check_text(out.size() + text.size()));
    out += text;
    return {};
  };
  bool first = true;
  for (const std::string_view paragraph : split_lines(c.self.string(), LineEnds::drop)) {
    if (width <= 0) return fail(Fault::bad_format, "invalid width {} (must be > 0)", width);
    style.width = static_cast<size_t>(width);
    TRY(c.in.step(1 + paragraph.size() / 16));
    if (!first) TRY(add(wrap));
    first = false;
    const std::u32string text = code_points(paragraph);
    Lines lines(text, style);
    bool first_line = true;
    for (Chunk line = lines.next(); !line.empty(); line = lines.next()) {
      TRY(c.in.step());
      if (!first_line) TRY(add(wrap));
      first_line = false;
      TRY(add(to_utf8(line)));
    }
  }
  return c.in.text(std::move(out));
}

}  // namespace quire::jinja
