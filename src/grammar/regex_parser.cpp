#include "grammar/regex_parser.h"

#include "format/printable.h"
#include "grammar/regex_classes.h"
#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

using Kind = RegexNode::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  Parser(std::string_view text, std::string_view name, const GrammarLimits& limits,
         const RegexFlags& flags)
      : text_(text), name_(name), limits_(limits), flags_(flags) {}

  Result<RegexTree> run() {
    if (utf8_valid_prefix(text_) != text_.size()) return wrong("is not UTF-8");
    std::vector<Open> open(1);
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '(') {
        if (open.size() > limits_.depth_max)
          return fail(Fault::limit, "{}: groups nest more than {} deep (offset {})", name_,
                      limits_.depth_max, at_);
        open.push_back({{}, {}, at_});
        TRY(parse_group_head());
      } else if (c == ')') {
        if (open.size() == 1) return wrong("has a ')' without its '('");
        const uint32_t group = end_group(open.back());
        open.pop_back();
        open.back().sequence.push_back(group);
        ++at_;
      } else if (c == '|') {
        end_sequence(open.back());
        ++at_;
      } else if (c == '*' || c == '+' || c == '?' || (c == '{' && is_count())) {
        TRY(parse_quantifier(open.back().sequence));
      } else {
        open.back().sequence.push_back(TRY(parse_atom()));
      }
    }
    if (open.size() > 1) return at_ = open.back().begin, wrong("has a '(' without its ')'");
    tree_.root = end_group(open[0]);
    return std::move(tree_);
  }

 private:
  struct Open {
    std::vector<uint32_t> alternatives, sequence;
    size_t begin = 0;
  };

  template <class... Args>
  std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Fault::bad_format, "{}: the regular expression '{}' {} (offset {})", name_,
                printable(text_, 60), fmt::format(format, std::forward<Args>(args)...), at_);
  }
  std::unexpected<Error> unsupported(std::string_view what) const {
    return fail(
        Fault::unsupported,
        "{}: the regular expression '{}' has {} (offset {}), which a grammar cannot enforce", name_,
        printable(text_, 60), what, at_);
  }

  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  uint32_t add(RegexNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  void end_sequence(Open& group) {
    group.alternatives.push_back(
        add({.kind = Kind::sequence, .ranges = {}, .children = std::move(group.sequence)}));
    group.sequence.clear();
  }
  uint32_t end_group(Open& group) {
    end_sequence(group);
    if (group.alternatives.size() == 1) return group.alternatives[0];
    return add({.kind = Kind::choice, .ranges = {}, .children = std::move(group.alternatives)});
  }

  Result<void> parse_group_head() {
    ++at_;
    if (!take("?") || take(":")) return {};
    if (peek() == '=' || peek() == '!' || take("<=") || take("<!"))
      return unsupported("look-around");
    if (!take("<") && !take("P<")) return unsupported("a group that begins with '(?'");
    const size_t end = text_.find('>', at_);
    if (end == text_.npos || end == at_) return wrong("has a group name without its end");
    at_ = end + 1;
    return {};
  }

  // Whether the '{' here begins a quantifier; else it is a sign like others.
  bool is_count() const {
    size_t i = at_ + 1;
    const size_t first = i;
    while (i < text_.size() && is_digit(text_[i])) ++i;
    if (i == first) return false;
    if (i < text_.size() && text_[i] == ',') ++i;
    while (i < text_.size() && is_digit(text_[i])) ++i;
    return i < text_.size() && text_[i] == '}';
  }

  Result<uint32_t> parse_count() {
    const size_t begin = at_;
    uint64_t n = 0;
    while (is_digit(peek())) {
      n = std::min<uint64_t>(10 * n + static_cast<uint64_t>(peek() - '0'), UINT32_MAX);
      ++at_;
    }
    if (n > limits_.states_max)
      return fail(Fault::limit, "{}: {} repetitions (offset {}), at most {} are supported", name_,
                  printable(text_.substr(begin, std::min<size_t>(at_ - begin, 24))), begin,
                  limits_.states_max);
    return static_cast<uint32_t>(n);
  }

  Result<void> parse_quantifier(std::vector<uint32_t>& sequence) {
    if (sequence.empty()) return wrong("has nothing before '{}' to repeat", peek());
    const Kind kind = tree_.nodes[sequence.back()].kind;
    if (kind == Kind::begin || kind == Kind::end) return wrong("repeats an anchor");
    uint32_t min = 0, max = Grammar::unbounded;
    if (take("+")) {
      min = 1;
    } else if (take("?")) {
      max = 1;
    } else if (take("{")) {
      const size_t begin = at_;
      max = min = TRY(parse_count());
      if (take(",")) max = peek() == '}' ? Grammar::unbounded : TRY(parse_count());
      take("}");
      if (min > max) return at_ = begin, wrong("repeats from {} to {}", min, max);
    } else {
      take("*");
    }
    if (peek() == '+') return unsupported("a possessive quantifier");
    take("?");
    if (peek() == '*' || peek() == '+' || peek() == '?' || (peek() == '{' && is_count()))
      return wrong("has two quantifiers in a row");
    sequence.back() = add({.kind = Kind::repeat,
                           .ranges = {},
                           .children = {sequence.back()},
                           .min = min,
                           .max = max});
    return {};
  }

  Result<uint32_t> characters(std::vector<CodeRange> ranges) {
    n_ranges_ += ranges.size();
    if (n_ranges_ > 4 * limits_.expressions_max)
      return fail(Fault::limit,
                  "{}: the sets of characters of the regular expression have more than {} ranges",
                  name_, 4 * limits_.expressions_max);
    return add({.kind = Kind::characters, .ranges = std::move(ranges), .children = {}});
  }

  std::vector<CodeRange> dot() const {
    using Dot = RegexFlags::Dot;
    if (flags_.dot == Dot::any) return {{0, code_point_max}};
    if (flags_.dot == Dot::no_newline) return complement({{'\n', '\n'}});
    return complement(regex_line_ends());
  }

  // A single character, or a range between two; sets with names have all the cases they mean.
  std::vector<CodeRange> in_all_cases(std::vector<CodeRange> ranges) const {
    return flags_.ignore_case && ranges.size() == 1 ? with_other_cases(ranges[0]) : ranges;
  }

  Result<uint32_t> parse_atom() {
    if (take("^")) return add({.kind = Kind::begin, .ranges = {}, .children = {}});
    if (take("$")) return add({.kind = Kind::end, .ranges = {}, .children = {}});
    if (take(".")) return characters(dot());
    if (take("[")) return characters(TRY(parse_class()));
    if (peek() == '\\') return characters(in_all_cases(TRY(parse_escape(Where::outside))));
    const Utf8Char one = utf8_at(text_, at_);
    at_ += one.n_bytes;
    return characters(in_all_cases({{one.code, one.code}}));
  }

  enum class Where { outside, in_class };

  Result<char32_t> parse_hex(size_t n_min, size_t n_max) {
    char32_t code = 0;
    size_t n = 0;
    for (; n < n_max; ++n, ++at_) {
      const char c = peek();
      const char* digits = "0123456789abcdef";
      const char* digit = c == 0 ? nullptr : std::strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
      if (digit == nullptr) break;
      code = code << 4 | static_cast<char32_t>(digit - digits);
    }
    if (n < n_min) return wrong("has too few hexadecimal digits");
    if (code > code_point_max)
      return wrong("names U+{:X}, which is no character", static_cast<uint32_t>(code));
    return code;
  }

  // \uHHHH, in two halves for characters beyond U+FFFF, or \u{H...}.
  Result<char32_t> parse_unicode_escape() {
    if (take("{")) {
      const char32_t code = TRY(parse_hex(1, 6));
      if (!take("}")) return wrong("has an escape without its '}}'");
      return code;
    }
    const char32_t high = TRY(parse_hex(4, 4));
    if (high < 0xD800 || high > 0xDBFF || !text_.substr(at_).starts_with("\\u")) return high;
    at_ += 2;
    const char32_t low = TRY(parse_hex(4, 4));
    if (low < 0xDC00 || low > 0xDFFF) return wrong("has half a character");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  Result<std::vector<CodeRange>> parse_escape(Where where) {
    ++at_;
    if (at_ >= text_.size()) return wrong("ends with a backslash");
    const Utf8Char one = utf8_at(text_, at_);
    const char c = one.code < 0x80 ? static_cast<char>(one.code) : 'X';
    const auto single = [](char32_t code) { return std::vector<CodeRange>{{code, code}}; };
    if (const auto known = regex_class(c)) return ++at_, *known;
    if (one.code < 0x80 && std::strchr("pP", c) != nullptr) return parse_category();
    at_ += one.n_bytes;
    if (one.code >= 0x80) return single(one.code);
    switch (c) {
      case 't':
        return single('\t');
      case 'n':
        return single('\n');
      case 'r':
        return single('\r');
      case 'f':
        return single('\f');
      case 'v':
        return single('\v');
      case 'x':
        return single(TRY(parse_hex(2, 2)));
      case 'u':
        return single(TRY(parse_unicode_escape()));
      case 'c': {
        const char letter = static_cast<char>(peek() | 32);
        if (letter < 'a' || letter > 'z') return wrong("has \\c without a letter");
        ++at_;
        return single(static_cast<char32_t>(letter - 'a' + 1));
      }
      case '0':
        if (is_digit(peek())) return wrong("has an octal escape");
        return single(0);
      case 'b':
        if (where == Where::in_class) return single('\b');
        return --at_, unsupported("\\b");
      case 'B':
        return --at_, unsupported("\\B");
      case 'k':
        return --at_, unsupported("a back reference");
      case 'A':
      case 'Z':
      case 'z':
      case 'G':
        return --at_, unsupported("an anchor that is not ^ or $");
      default:
        break;
    }
    if (is_digit(c)) return --at_, unsupported("a back reference");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      return --at_, wrong("has the escape '\\{}', which is not known", c);
    return single(one.code);
  }

  Result<std::vector<CodeRange>> parse_category() {
    const bool negated = peek() == 'P';
    ++at_;
    const size_t end = text_.find('}', at_);
    if (peek() != '{' || end == text_.npos) return wrong("has \\p without {{...}}");
    const std::string_view category = text_.substr(at_ + 1, end - at_ - 1);
    const auto ranges = regex_category(category);
    if (!ranges) return wrong("names the category '{}', which is not known", printable(category));
    at_ = end + 1;
    return negated ? complement(*ranges) : *ranges;
  }

  Result<std::vector<CodeRange>> parse_class() {
    const size_t begin = at_ - 1;
    const bool negated = take("^");
    std::vector<CodeRange> all;
    while (at_ < text_.size() && peek() != ']') {
      const std::vector<CodeRange> first = TRY(parse_class_item());
      const bool is_range = peek() == '-' && at_ + 1 < text_.size() && peek(1) != ']' &&
                            first.size() == 1 && first[0].first == first[0].last;
      if (!is_range) {
        const std::vector<CodeRange> item = in_all_cases(first);
        all.insert(all.end(), item.begin(), item.end());
        continue;
      }
      const size_t dash = at_++;
      const std::vector<CodeRange> last = TRY(parse_class_item());
      if (last.size() != 1 || last[0].first != last[0].last)
        return at_ = dash, wrong("has a range to a set of characters");
      if (last[0].first < first[0].first)
        return at_ = dash, wrong("has a range that ends before it begins");
      const std::vector<CodeRange> range = in_all_cases({{first[0].first, last[0].last}});
      all.insert(all.end(), range.begin(), range.end());
    }
    if (!take("]")) return at_ = begin, wrong("has a '[' without its ']'");
    return negated ? complement(all) : normalize(all);
  }

  Result<std::vector<CodeRange>> parse_class_item() {
    if (peek() == '\\') return parse_escape(Where::in_class);
    const Utf8Char one = utf8_at(text_, at_);
    at_ += one.n_bytes;
    return std::vector<CodeRange>{{one.code, one.code}};
  }

  std::string_view text_;
  std::string_view name_;
  const GrammarLimits& limits_;
  const RegexFlags& flags_;
  RegexTree tree_;
  size_t n_ranges_ = 0;
  size_t at_ = 0;
};

}  // namespace

Result<RegexTree> parse_regex(std::string_view regex, std::string_view name,
                              const GrammarLimits& limits, const RegexFlags& flags) {
  if (regex.size() > limits.text_bytes_max)
    return fail(Fault::limit, "{}: a regular expression of {} bytes, at most {} are supported",
                name, regex.size(), limits.text_bytes_max);
  return Parser(regex, name, limits, flags).run();
}

}  // namespace quire
