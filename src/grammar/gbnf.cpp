#include "grammar/gbnf.h"

#include "format/printable.h"
#include "grammar/notation_reader.h"
#include "text/utf8.h"

#include <algorithm>
#include <unordered_map>

namespace quire {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class GbnfParser : NotationReader {
 public:
  GbnfParser(std::string_view text, std::string_view name, const GrammarLimits& limits)
      : NotationReader(text, name, limits), grammar_(limits) {}

  Result<Grammar> run() {
    skip_space(Newlines::skip);
    while (at_ < text_.size()) TRY(parse_rule());
    const auto root = rule_ids_.find("root");
    if (root == rule_ids_.end() || !grammar_.definition(root->second))
      return fail(Fault::bad_format, "{}: the grammar has no rule 'root' to begin with", name_);
    grammar_.set_root(root->second);
    return std::move(grammar_);
  }

 private:
  enum class Newlines { stop, skip };
  // Alternatives that are being read, of a rule or of a group.
  struct Open {
    std::vector<ExpressionId> alternatives, sequence;
    size_t begin = 0;
  };

  void skip_space(Newlines newlines) {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '#')
        while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n' && text_[at_ + 1] != '\r') ++at_;
      else if (c == '\n' || c == '\r') {
        if (newlines == Newlines::stop) return;
      } else if (c != ' ' && c != '\t') {
        return;
      }
    }
  }

  Result<std::string_view> parse_name() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) return wrong("a name is expected, not {}", here());
    return text_.substr(begin, at_ - begin);
  }

  RuleId rule_id(std::string_view name) {
    const auto [at, is_new] = rule_ids_.try_emplace(std::string(name), 0);
    if (is_new) at->second = grammar_.add_rule(std::string(name));
    return at->second;
  }

  Result<void> parse_rule() {
    const std::string_view name = TRY(parse_name());
    const RuleId id = rule_id(name);
    if (grammar_.definition(id)) return wrong("rule '{}' is defined twice", printable(name));
    skip_space(Newlines::stop);
    if (!text_.substr(at_).starts_with("::=")) return wrong("'::=' is expected, not {}", here());
    at_ += 3;
    skip_space(Newlines::skip);
    const ExpressionId body = TRY(parse_alternatives());
    if (grammar_.error())
      return fail(grammar_.error()->fault, "{}: {}", name_, grammar_.error()->text);
    grammar_.define(id, body);
    skip_space(Newlines::skip);
    return {};
  }

  // To the end of the rule. Groups are kept on a list of their own, not on the stack.
  Result<ExpressionId> parse_alternatives() {
    std::vector<Open> open(1);
    const auto newlines = [&] { return open.size() > 1 ? Newlines::skip : Newlines::stop; };
    const auto end_sequence = [&] {
      Open& group = open.back();
      group.alternatives.push_back(grammar_.sequence(group.sequence));
      group.sequence.clear();
    };
    while (true) {
      const char c = peek();
      if (at_ >= text_.size() || c == '\n' || c == '\r') {
        if (open.size() > 1) return at_ = open.back().begin, wrong("this group has no ')'");
        end_sequence();
        return grammar_.choice(open[0].alternatives);
      }
      if (c == '(') {
        TRY(check_depth(open.size()));
        open.push_back({{}, {}, at_++});
        skip_space(Newlines::skip);
        continue;
      }
      if (c == '|') {
        end_sequence();
        ++at_;
        skip_space(Newlines::skip);
        continue;
      }
      if (c == ')' && open.size() > 1) {
        end_sequence();
        const ExpressionId group = grammar_.choice(open.back().alternatives);
        open.pop_back();
        open.back().sequence.push_back(group);
        ++at_;
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        std::vector<ExpressionId>& sequence = open.back().sequence;
        if (sequence.empty()) return wrong("nothing stands before {} to repeat", here());
        sequence.back() = TRY(parse_repetition(sequence.back()));
      } else {
        open.back().sequence.push_back(TRY(parse_item()));
      }
      skip_space(newlines());
    }
  }

  Result<ExpressionId> parse_item() {
    const char c = peek();
    if (c == '"') return parse_literal();
    if (c == '[') return parse_class();
    if (c == '<' || (c == '!' && peek(1) == '<')) return parse_token_or_not();
    if (take('.')) return grammar_.characters({{0, code_point_max}});
    if (is_word(c)) return grammar_.rule(rule_id(TRY(parse_name())));
    return wrong("{} is not part of a rule", here());
  }

  Result<ExpressionId> parse_repetition(ExpressionId part) {
    if (take('*')) return grammar_.repeat(part, 0, Grammar::unbounded);
    if (take('+')) return grammar_.repeat(part, 1, Grammar::unbounded);
    if (take('?')) return grammar_.repeat(part, 0, 1);
    const size_t begin = at_++;
    skip_space(Newlines::skip);
    const uint32_t min = TRY(parse_count());
    uint32_t max = min;
    skip_space(Newlines::skip);
    if (take(',')) {
      skip_space(Newlines::skip);
      max = Grammar::unbounded;
      if (peek() != '}') max = TRY(parse_count());
      skip_space(Newlines::skip);
    }
    if (!take('}')) return wrong("'}}' is expected, not {}", here());
    if (min > max) return at_ = begin, wrong("{} is more than {}", min, max);
    return grammar_.repeat(part, min, max);
  }

  Result<char32_t> parse_character() {
    if (take('\\')) {
      const char c = peek();
      ++at_;
      switch (c) {
        case 'x':
          return parse_hex(2);
        case 'u':
          return parse_hex(4);
        case 'U':
          return parse_hex(8);
        case 't':
          return U'\t';
        case 'r':
          return U'\r';
        case 'n':
          return U'\n';
        case '\\':
        case '"':
        case '[':
        case ']':
        case '-':
        case '^':
          return static_cast<char32_t>(c);
        default:
          at_ -= 2;
          return wrong("{} is no escape", here());
      }
    }
    return parse_utf8();
  }

  Result<ExpressionId> parse_literal() {
    const size_t begin = at_++;
    std::string literal;
    while (at_ < text_.size() && text_[at_] != '"') append_utf8(literal, TRY(parse_character()));
    if (!take('"')) return at_ = begin, wrong("this text in quotes has no end");
    return grammar_.text(literal);
  }

  Result<ExpressionId> parse_class() {
    const size_t begin = at_++;
    const bool negated = take('^');
    std::vector<CodeRange> ranges;
    while (at_ < text_.size() && text_[at_] != ']') {
      const char32_t first = TRY(parse_character());
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        last = TRY(parse_character());
      }
      if (last < first) return wrong("the range ends before it begins");
      ranges.push_back({first, last});
    }
    if (!take(']')) return at_ = begin, wrong("this set of characters has no ']'");
    return grammar_.characters(negated ? complement(ranges) : ranges);
  }

  Result<ExpressionId> parse_token_or_not() {
    const bool negated = take('!');
    TokenTerminal terminal = TRY(parse_token());
    terminal.negated = negated;
    return grammar_.token(std::move(terminal));
  }

  Grammar grammar_;
  std::unordered_map<std::string, RuleId> rule_ids_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view text, std::string_view name,
                           const GrammarLimits& limits) {
  if (text.size() > limits.text_bytes_max)
    return fail(Fault::limit, "{}: a grammar of {} bytes, at most {} are supported", name,
                text.size(), limits.text_bytes_max);
  return GbnfParser(text, name, limits).run();
}

}  // namespace quire
