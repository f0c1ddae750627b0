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

  std::vector<Chunk> run() {
    std::vector<Chunk> chunks;
    for (size_t at = 0; at < text_.size();) {
      const size_t end = is_blank(text_[at]) ? end_of_blanks(at) : end_of_part(at);
      chunks.push_back(text_.substr(at, end - at));
      at = end;
    }
    return chunks;
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

std::vector<std::u32string> wrapped_lines(Chunk text, const WrapStyle& style) {
  std::vector<Chunk> waiting = Splitter(text, style.split_at_hyphens).run();
  std::ranges::reverse(waiting);
  std::vector<std::u32string> lines;
  while (!waiting.empty()) {
    if (!lines.empty() && is_white(waiting.back())) waiting.pop_back();
    std::vector<Chunk> line;
    size_t n = 0;
    while (!waiting.empty() && n + waiting.back().size() <= style.width) {
      n += waiting.back().size();
      line.push_back(waiting.back());
      waiting.pop_back();
    }
    if (!waiting.empty() && waiting.back().size() > style.width) {
      if (style.cut_words) {
        Chunk& chunk = waiting.back();
        const size_t cut = cut_of(chunk, style.width - n, style.hyphens);
        line.push_back(chunk.substr(0, cut));
        chunk.remove_prefix(cut);
      } else if (line.empty()) {
        line.push_back(waiting.back());
        waiting.pop_back();
      }
    }
    if (!line.empty() && is_white(line.back())) line.pop_back();
    if (line.empty()) continue;
    std::u32string& joined = lines.emplace_back();
    for (const Chunk chunk : line) joined += chunk;
  }
  return lines;
}

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
  bool first = true;
  for (const std::string_view paragraph : split_lines(c.self.string(), LineEnds::drop)) {
    if (width <= 0) return fail(Fault::bad_format, "invalid width {} (must be > 0)", width);
    style.width = static_cast<size_t>(width);
    TRY(c.in.step(1 + paragraph.size() / 16));
    if (!first) out += wrap;
    first = false;
    bool first_line = true;
    for (const std::u32string& line : wrapped_lines(code_points(paragraph), style)) {
      if (!first_line) out += wrap;
      first_line = false;
      out += to_utf8(line);
      TRY(c.in.check_text(out.size()));
    }
  }
  TRY(c.in.check_text(out.size()));
  return c.in.text(std::move(out));
}

}  // namespace quire::jinja
