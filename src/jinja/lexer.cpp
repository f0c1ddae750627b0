#include "jinja/lexer.h"

#include "format/printable.h"
#include "jinja/python_text.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <algorithm>
#include <charconv>

namespace quire::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Line ends as "\n", without the last one.
std::string normalize_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
      continue;
    }
    text += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Python's unicode_escape codec, on what stands between the quotes.
class Unescaper {
 public:
  Unescaper(std::string_view text, int line) : text_(text), line_(line) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '\\')
        out_ += c;
      else
        TRY(escape());
    }
    return std::move(out_);
  }

 private:
  Result<void> escape() {
    constexpr std::string_view letters = "abfnrtv\\'\"", meanings = "\a\b\f\n\r\t\v\\'\"";
    const char c = text_[at_++];  // the token's pattern has something after a backslash
    if (const size_t i = letters.find(c); i != letters.npos)
      return out_ += meanings[i], Result<void>{};
    if (c == '\n') return {};
    if (c == 'x') return hex(2);
    if (c == 'u') return hex(4);
    if (c == 'U') return hex(8);
    if (c == 'N')
      return fail(Fault::unsupported, "line {}: \\N{{...}} in a string is not supported", line_);
    if (c >= '0' && c <= '7') {
      uint32_t code = static_cast<uint32_t>(c - '0');
      for (int n = 1; n < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++n)
        code = code * 8 + static_cast<uint32_t>(text_[at_++] - '0');
      return append_utf8(out_, code), Result<void>{};
    }
    // Any other pair stands for itself. Python has turned a character beyond ASCII into an escape
    // of its own by then, and the backslash takes the first character of that.
    out_ += '\\';
    --at_;
    const Utf8Char next = utf8_at(text_, at_);
    if (next.code < 0x80) return out_ += text_[at_++], Result<void>{};
    const auto code = static_cast<uint32_t>(next.code);
    out_ += code < 0x100     ? fmt::format("x{:02x}", code)
            : code < 0x10000 ? fmt::format("u{:04x}", code)
                             : fmt::format("U{:08x}", code);
    at_ += next.n_bytes;
    return {};
  }
  Result<void> hex(size_t n_digits) {
    uint32_t code = 0;
    const std::string_view digits = text_.substr(at_, n_digits);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < n_digits || error != std::errc{} || end != digits.data() + digits.size())
      return fail(Fault::bad_format, "line {}: an escape in a string needs {} hexadecimal digits",
                  line_, n_digits);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return fail(Fault::bad_format, "line {}: an escape in a string is no Unicode character",
                  line_);
    append_utf8(out_, code);
    at_ += n_digits;
    return {};
  }

  std::string_view text_;
  int line_;
  size_t at_ = 0;
  std::string out_;
};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)), text_(source_) {}

  Result<std::vector<Token>> run() {
    while (at_ < text_.size()) TRY(root());
    tokens_.push_back({TokenType::end, line_, {}, {}});
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  // Moves on, counting lines.
  void advance(size_t end) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<ptrdiff_t>(at_),
                                         text_.begin() + static_cast<ptrdiff_t>(end), '\n'));
    line_starting_ = end > at_ && text_[end - 1] == '\n';
    at_ = end;
  }
  size_t skip_spaces(size_t from) const {
    while (from < text_.size()) {
      const Utf8Char next = utf8_at(text_, from);
      if (next.n_bytes == 0 || !is_python_space(next.code)) break;
      from += next.n_bytes;
    }
    return from;
  }
  void add(TokenType type, std::string_view text, int line) {
    tokens_.push_back({type, line, std::string(text), {}});
  }

  // Text up to the next delimiter, with what the delimiter strips from its end.
  void add_data(std::string_view data, char sign, bool may_lstrip) {
    if (sign == '-') {
      data = python_rstrip(data);
    } else if (sign != '+' && may_lstrip) {
      const size_t line_begin = data.rfind('\n') + 1;  // npos + 1 is 0
      if ((line_begin > 0 || line_starting_) && python_rstrip(data.substr(line_begin)).empty())
        data = data.substr(0, line_begin);
    }
    if (!data.empty()) add(TokenType::data, data, line_);
  }

  Result<void> root() {
    size_t begin = at_;
    while (true) {
      begin = text_.find('{', begin);
      if (begin == text_.npos || begin + 1 == text_.size()) {
        add(TokenType::data, text_.substr(at_), line_);
        advance(text_.size());
        return {};
      }
      const char kind = text_[begin + 1];
      if (kind == '%' || kind == '{' || kind == '#') break;
      ++begin;
    }
    const char kind = text_[begin + 1];
    const char sign = begin + 2 < text_.size() ? text_[begin + 2] : '\0';
    const bool signed_tag = sign == '-' || sign == '+';
    add_data(text_.substr(at_, begin - at_), sign, kind != '{');
    advance(begin);
    const size_t inside = begin + (signed_tag ? 3 : 2);
    if (kind == '#') return comment(inside);
    if (kind == '{') {
      add(TokenType::variable_begin, "{{", line_);
      advance(inside);
      return tag(TokenType::variable_end, "}}");
    }
    if (const size_t raw_begin = raw_tag(inside, "raw"); raw_begin > 0) return raw(raw_begin);
    add(TokenType::block_begin, "{%", line_);
    advance(inside);
    return tag(TokenType::block_end, "%}");
  }

  // Where the text after an end delimiter ("%}") at `from` begins; 0 when there is none. A minus
  // takes the white space after it along, a plus keeps the line feed that would go otherwise.
  size_t after_end(size_t from, std::string_view delimiter, bool trims_newline) const {
    const bool minus = text_.substr(from).starts_with('-');
    const bool plus = trims_newline && text_.substr(from).starts_with('+');
    if (minus || plus) ++from;
    if (!text_.substr(from).starts_with(delimiter)) return 0;
    from += delimiter.size();
    if (minus) return skip_spaces(from);
    if (!plus && trims_newline && from < text_.size() && text_[from] == '\n') ++from;
    return from;
  }

  // Past "raw %}" or "endraw %}" when that is what stands at `from`; else 0.
  size_t raw_tag(size_t from, std::string_view name) const {
    from = skip_spaces(from);
    if (!text_.substr(from).starts_with(name)) return 0;
    from = skip_spaces(from + name.size());
    return after_end(from, "%}", name == "endraw");
  }

  Result<void> raw(size_t begin) {
    advance(begin);
    for (size_t end = text_.find("{%", at_); end != text_.npos; end = text_.find("{%", end + 1)) {
      const char sign = end + 2 < text_.size() ? text_[end + 2] : '\0';
      const size_t after = raw_tag(end + (sign == '-' || sign == '+' ? 3 : 2), "endraw");
      if (after == 0) continue;
      add_data(text_.substr(at_, end - at_), sign, true);
      advance(after);
      return {};
    }
    return fail(Fault::bad_format, "line {}: a raw block has no {{% endraw %}}", line_);
  }

  Result<void> comment(size_t inside) {
    const size_t close = text_.find("#}", inside);
    if (close == text_.npos)
      return fail(Fault::bad_format, "line {}: a comment has no end, #}}", line_);
    const bool has_sign = close > inside && (text_[close - 1] == '-' || text_[close - 1] == '+');
    advance(after_end(has_sign ? close - 1 : close, "#}", true));
    return {};
  }

  // Tokens up to the end of the tag.
  Result<void> tag(TokenType end_type, std::string_view delimiter) {
    open_.clear();
    while (true) {
      if (at_ >= text_.size())
        return fail(Fault::bad_format, "line {}: the template ends inside a tag, before {}", line_,
                    delimiter);
      if (open_.empty()) {
        if (const size_t after = after_end(at_, delimiter, delimiter == "%}"); after > 0) {
          add(end_type, delimiter, line_);
          advance(after);
          return {};
        }
      }
      if (const size_t after = skip_spaces(at_); after > at_)
        advance(after);
      else
        TRY(token());
    }
  }

  Result<void> token() {
    const char c = peek();
    if (is_digit(c)) return number();
    if (c == '\'' || c == '"') return string();
    const Utf8Char next = utf8_at(text_, at_);
    if (c == '_' || is_word_character(next.code)) return name();
    return op();
  }

  // Digits with single underscores between them, from `from`; where they end.
  size_t digits(size_t from) const {
    while (from < text_.size() &&
           (is_digit(text_[from]) ||
            (text_[from] == '_' && from + 1 < text_.size() && is_digit(text_[from + 1]))))
      ++from;
    return from;
  }

  // Where a float that begins here ends; 0 when it is an integer.
  size_t float_end() const {
    if (at_ > 0 && text_[at_ - 1] == '.') return 0;
    size_t end = digits(at_);
    bool is_float = false;
    if (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1]))
      end = digits(end + 1), is_float = true;
    size_t e = end;
    if (e < text_.size() && (text_[e] == 'e' || text_[e] == 'E')) {
      ++e;
      if (e < text_.size() && (text_[e] == '+' || text_[e] == '-')) ++e;
      if (e < text_.size() && is_digit(text_[e])) end = digits(e), is_float = true;
    }
    return is_float ? end : 0;
  }

  size_t integer_end(int& base) const {
    const char letter = static_cast<char>(peek(1) | 0x20);
    base = peek() != '0' ? 10 : letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 10;
    const auto fits = [&](char c) {
      const int lower = c | 0x20;
      const int digit = is_digit(c)                    ? c - '0'
                        : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                       : 99;
      return digit < base;
    };
    const bool only_zeros = base == 10 && peek() == '0';
    size_t end = at_ + (base == 10 ? 0 : 2);
    const auto is_part = [&](size_t i) {
      return i < text_.size() && (only_zeros ? text_[i] == '0' : fits(text_[i]));
    };
    const size_t begin = end;
    while (is_part(end) || (end < text_.size() && text_[end] == '_' && is_part(end + 1) &&
                            (end > begin || base != 10)))
      ++end;
    if (end == begin) base = 10, end = at_ + 1;  // "0x" alone is a zero and a name
    return end;
  }

  Result<void> number() {
    int base = 10;
    const size_t real_end = float_end();
    const size_t end = real_end > 0 ? real_end : integer_end(base);
    std::string text(text_.substr(at_, end - at_));
    std::erase(text, '_');
    Token token{TokenType::number, line_, text, {}};
    const char* first = text.data() + (base == 10 ? 0 : 2);
    const char* last = text.data() + text.size();
    if (real_end > 0) {
      double value = 0;
      // Too large is infinite and too small is zero, as in Python.
      if (std::from_chars(first, last, value).ec == std::errc::result_out_of_range)
        value = std::strtod(text.c_str(), nullptr);
      token.value = Value(value);
    } else {
      int64_t value = 0;
      if (std::from_chars(first, last, value, base).ec != std::errc{})
        return fail(Fault::limit, "line {}: the integer {} does not fit into 64 bits", line_,
                    printable(text, 40));
      token.value = Value(value);
    }
    tokens_.push_back(std::move(token));
    advance(end);
    return {};
  }

  Result<void> string() {
    const char quote = peek();
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size())
      return fail(Fault::bad_format, "line {}: a string has no closing quote", line_);
    std::string text = TRY(Unescaper(text_.substr(at_ + 1, end - at_ - 1), line_).run());
    tokens_.push_back({TokenType::string, line_, std::move(text), {}});
    advance(end + 1);
    return {};
  }

  Result<void> name() {
    size_t end = at_;
    while (end < text_.size()) {
      const Utf8Char next = utf8_at(text_, end);
      if (next.n_bytes == 0 || !is_word_character(next.code)) break;
      end += next.n_bytes;
    }
    add(TokenType::name, text_.substr(at_, end - at_), line_);
    advance(end);
    return {};
  }

  Result<void> op() {
    constexpr std::string_view pairs[] = {"//", "**", "==", "!=", ">=", "<="};
    constexpr std::string_view singles = "+-/*%~[](){}><=.:|,;";
    size_t n = 0;
    for (const std::string_view pair : pairs)
      if (starts(pair)) n = 2;
    if (n == 0 && singles.find(peek()) != singles.npos) n = 1;
    if (n == 0) {
      const size_t n_bytes = std::max<size_t>(1, utf8_at(text_, at_).n_bytes);
      return fail(Fault::bad_format, "line {}: unexpected character '{}'", line_,
                  printable(text_.substr(at_, n_bytes)));
    }
    const std::string_view text = text_.substr(at_, n);
    if (text == "(" || text == "[" || text == "{") {
      open_ += text == "(" ? ')' : text == "[" ? ']' : '}';
    } else if (text == ")" || text == "]" || text == "}") {
      if (open_.empty()) return fail(Fault::bad_format, "line {}: unexpected '{}'", line_, text);
      if (open_.back() != text[0])
        return fail(Fault::bad_format, "line {}: unexpected '{}', expected '{}'", line_, text,
                    open_.back());
      open_.pop_back();
    }
    add(TokenType::op, text, line_);
    advance(at_ + n);
    return {};
  }

  std::string source_;
  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::string open_;  // closing brackets that are still to come
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace quire::jinja
