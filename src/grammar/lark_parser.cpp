#include "grammar/lark_parser.h"

#include "format/printable.h"
#include "grammar/notation_reader.h"
#include "text/utf8.h"

#include <algorithm>
#include <unordered_set>

namespace quire {
namespace {

using Kind = LarkNode::Kind;

// The terminals of the library "common" of Lark, by their documented meaning. A text in quotes ends
// at its first quote that no backslash stands before, a comment in C at its first end.
constexpr std::string_view common_text = R"lark(
DIGIT: "0".."9"
HEXDIGIT: "0".."9" | "a".."f" | "A".."F"
INT: DIGIT+
SIGNED_INT: /[+-]/? INT
DECIMAL: INT "." INT? | "." INT
_EXP: /[eE]/ SIGNED_INT
FLOAT: INT _EXP | DECIMAL _EXP?
SIGNED_FLOAT: /[+-]/? FLOAT
NUMBER: INT | FLOAT
SIGNED_NUMBER: /[+-]/? NUMBER
ESCAPED_STRING: /"([^"\\\n]|\\[^\n])*"/
LCASE_LETTER: "a".."z"
UCASE_LETTER: "A".."Z"
LETTER: /[a-zA-Z]/
WORD: /[a-zA-Z]+/
CNAME: /[a-zA-Z_][a-zA-Z_0-9]*/
WS_INLINE: /[ \t]+/
WS: /[ \t\f\r\n]+/
CR: "\r"
LF: "\n"
NEWLINE: /(\r?\n)+/
SH_COMMENT: /#[^\n]*/
CPP_COMMENT: /\/\/[^\n]*/
C_COMMENT: /\/\*([^*]|\*+[^*\/])*\*+\//
SQL_COMMENT: /--[^\n]*/
)lark";
constexpr std::string_view common_scope = "common.";

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class LarkParser : NotationReader {
 public:
  // `scope` stands in front of all names.
  LarkParser(std::string_view text, std::string_view name, std::string_view scope,
             const GrammarLimits& limits, LarkTree& tree)
      : NotationReader(text, name, limits), scope_(scope), tree_(tree) {}

  Result<void> run() {
    at_ = utf8_valid_prefix(text_);
    if (!at_end()) return wrong("the text is not UTF-8");
    for (at_ = 0; skip_blank_lines(), !at_end();) TRY(parse_statement());
    if (!aliases_.empty()) TRY(add_imports());
    return {};
  }

 private:
  // Alternatives that are being read, of a rule or of a group.
  struct Open {
    char close = 0;
    std::vector<uint32_t> alternatives, sequence;
    size_t begin = 0;
    bool may_repeat = false;  // whether the last item may be followed by *, + and the like
  };
  struct Alias {
    std::string imported;
    size_t at;  // in the text, for an error
  };

  std::unexpected<Error> unsupported(std::string_view what) const {
    return fail(Fault::unsupported, "{}: {} of Lark grammars are not supported", place(), what);
  }

  bool at_newline() const { return peek() == '\n' || peek() == '\r'; }
  void skip_blanks() {
    while (!at_end()) {
      if (peek() == ' ' || peek() == '\t') {
        ++at_;
      } else if (peek() == '#' || (peek() == '/' && peek(1) == '/')) {
        while (!at_end() && !at_newline()) ++at_;
      } else if (peek() == '\\') {  // the line goes on
        size_t end = at_ + 1;
        while (end < text_.size() && (text_[end] == ' ' || text_[end] == '\r')) ++end;
        if (end >= text_.size() || text_[end] != '\n') return;
        at_ = end + 1;
      } else {
        return;
      }
    }
  }
  void skip_blank_lines() {
    for (skip_blanks(); at_newline(); skip_blanks()) ++at_;
  }
  // At the end of a line: whether the next one has more alternatives, which it then stands at.
  bool goes_on() {
    const size_t end = at_;
    skip_blank_lines();
    if (peek() == '|') return true;
    at_ = end;
    return false;
  }

  Result<std::string_view> parse_name() {
    const size_t begin = at_;
    if (is_name_start(peek()))
      while (is_name_start(peek()) || is_digit(peek())) ++at_;
    if (at_ == begin) return wrong("a name is expected, not {}", here());
    return text_.substr(begin, at_ - begin);
  }

  uint32_t add(LarkNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<uint32_t>(tree_.nodes.size() - 1);
  }
  uint32_t add(Kind kind, std::vector<uint32_t> children) {
    LarkNode node;
    node.kind = kind;
    node.children = std::move(children);
    return add(std::move(node));
  }
  uint32_t add_text(Kind kind, std::string text) {
    LarkNode node;
    node.kind = kind;
    node.text = std::move(text);
    return add(std::move(node));
  }
  uint32_t add_repeat(uint32_t part, uint32_t min, uint32_t max) {
    const uint32_t id = add(Kind::repeat, {part});
    tree_.nodes[id].min = min;
    tree_.nodes[id].max = max;
    return id;
  }

  Result<void> define(std::string name, uint32_t body) {
    if (!defined_.insert(name).second) return wrong("'{}' is defined twice", printable(name));
    tree_.definitions.push_back({std::move(name), body});
    return {};
  }

  // name.priority: alternatives      the priority chooses between trees of one text: ignored
  Result<void> parse_statement() {
    if (peek() == '%') return parse_directive();
    while (take('!') || take('?')) {
    }
    const std::string name = scope_ + std::string(TRY(parse_name()));
    skip_blanks();
    if (take('.')) {
      if (!take('-')) take('+');
      if (!is_digit(peek())) return wrong("a priority is expected, not {}", here());
      while (is_digit(peek())) ++at_;
      skip_blanks();
    }
    if (peek() == '{') return unsupported("rules with parameters (name{...})");
    if (peek() == '[') return unsupported("attributes of rules (name[...])");
    if (!take(':')) return wrong("':' is expected, not {}", here());
    const uint32_t body = TRY(parse_alternatives());
    return define(name, body);
  }

  Result<void> parse_directive() {
    const size_t begin = at_++;
    const std::string_view word = TRY(parse_name());
    skip_blanks();
    if (word == "ignore") {
      tree_.ignored.push_back(TRY(parse_alternatives()));
      return {};
    }
    if (word == "import") return parse_import();
    if (word == "llguidance" && take("{}")) return end_of_line();
    at_ = begin;
    return unsupported("directives like %" + printable(word, 40));
  }

  Result<void> end_of_line() {
    skip_blanks();
    if (at_end() || at_newline()) return {};
    return wrong("the end of the line is expected, not {}", here());
  }

  // %import common.NAME    %import common.NAME -> OTHER    %import common (NAME, NAME)
  Result<void> parse_import() {
    const size_t begin = at_;
    if (!take("common") || is_name_start(peek()) || is_digit(peek())) {
      at_ = begin;
      return unsupported("imports from elsewhere than 'common'");
    }
    if (take('.')) {
      const std::string_view name = TRY(parse_name());
      std::string_view alias = name;
      skip_blanks();
      if (take("->")) skip_blanks(), alias = TRY(parse_name());
      TRY(add_alias(alias, name));
      return end_of_line();
    }
    skip_blanks();
    if (!take('(')) return wrong("'.' or '(' is expected behind 'common', not {}", here());
    do {
      skip_blanks();
      const std::string_view name = TRY(parse_name());
      TRY(add_alias(name, name));
      skip_blanks();
    } while (take(','));
    if (!take(')')) return wrong("')' is expected, not {}", here());
    return end_of_line();
  }

  Result<void> add_alias(std::string_view alias, std::string_view name) {
    const std::string imported = std::string(common_scope) + std::string(name);
    TRY(define(std::string(alias), add_text(Kind::name, imported)));
    aliases_.push_back({imported, at_});
    return {};
  }

  Result<void> add_imports() {
    TRY(LarkParser(common_text, "common", common_scope, limits_, tree_).run());
    std::unordered_set<std::string_view> known;
    for (const LarkDefinition& definition : tree_.definitions) known.insert(definition.name);
    for (const Alias& alias : aliases_)
      if (!known.contains(alias.imported))
        return at_ = alias.at, wrong("the library has no '{}'", printable(alias.imported));
    return {};
  }

  void end_sequence(Open& group) {
    group.alternatives.push_back(add(Kind::sequence, std::move(group.sequence)));
    group.sequence.clear();
    group.may_repeat = false;
  }
  uint32_t end_group(Open& group) {
    end_sequence(group);
    if (group.alternatives.size() == 1) return group.alternatives[0];
    return add(Kind::choice, std::move(group.alternatives));
  }
  static void push(Open& group, uint32_t item) {
    group.sequence.push_back(item);
    group.may_repeat = true;
  }

  // To the end of the statement. Groups are kept on a list of their own, not on the stack.
  Result<uint32_t> parse_alternatives() {
    std::vector<Open> open(1);
    while (true) {
      if (open.size() > 1)
        skip_blank_lines();
      else
        skip_blanks();
      if (open.size() == 1 && (at_end() || at_newline())) {
        if (!at_end() && goes_on()) continue;
        return end_group(open[0]);
      }
      if (at_end())
        return at_ = open.back().begin, wrong("this group has no '{}'", open.back().close);
      const char c = peek();
      if (c == '(' || c == '[') {
        TRY(check_depth(open.size()));
        open.emplace_back();
        open.back().close = c == '(' ? ')' : ']';
        open.back().begin = at_++;
      } else if (c == '|') {
        end_sequence(open.back());
        ++at_;
      } else if (open.size() > 1 && c == open.back().close) {
        const uint32_t group = end_group(open.back());
        open.pop_back();
        push(open.back(), c == ')' ? group : add_repeat(group, 0, 1));
        ++at_;
      } else if (c == '*' || c == '+' || c == '?' || c == '{' || c == '~') {
        TRY(parse_repetition(open.back()));
      } else if (take("->")) {
        TRY(parse_branch_name());
      } else {
        push(open.back(), TRY(parse_item()));
      }
    }
  }

  // `-> name` calls a branch of the tree of the text, and says nothing about the text.
  Result<void> parse_branch_name() {
    skip_blanks();
    TRY(parse_name());
    skip_blanks();
    if (at_end() || at_newline() || peek() == '|' || peek() == ')' || peek() == ']') return {};
    return wrong("'|' or the end of the line is expected, not {}", here());
  }

  // x*  x+  x?  x~3  x~1..3  x{3}  x{1,}  x{1,3}
  Result<void> parse_repetition(Open& group) {
    if (peek() == '~' && !group.may_repeat) return unsupported("negated terminals (~X)");
    if (!group.may_repeat) return wrong("nothing stands before {} to repeat", here());
    const size_t begin = at_;
    uint32_t min = 0, max = Grammar::unbounded;
    if (take('+')) {
      min = 1;
    } else if (take('?')) {
      max = 1;
    } else if (take('~')) {
      skip_blanks();
      max = min = TRY(parse_count());
      skip_blanks();
      if (take("..")) skip_blanks(), max = TRY(parse_count());
    } else if (take('{')) {
      skip_blanks();
      if (!is_digit(peek())) return at_ = begin, unsupported("rules with parameters (name{...})");
      max = min = TRY(parse_count());
      skip_blanks();
      if (take(',')) {
        skip_blanks();
        max = peek() == '}' ? Grammar::unbounded : TRY(parse_count());
        skip_blanks();
      }
      if (!take('}')) return wrong("'}}' is expected, not {}", here());
    } else {
      take('*');
    }
    if (min > max) return at_ = begin, wrong("{} is more than {}", min, max);
    group.sequence.back() = add_repeat(group.sequence.back(), min, max);
    group.may_repeat = false;
    return {};
  }

  Result<uint32_t> parse_item() {
    const char c = peek();
    if (c == '"') return parse_text_or_range();
    if (c == '/') return parse_regex_item();
    if (c == '<') {
      TokenTerminal token = TRY(parse_token());
      const uint32_t id = add_text(Kind::token, std::move(token.text));
      tree_.nodes[id].token_id = token.id;
      return id;
    }
    if (c == '&') return unsupported("intersections of terminals (&)");
    if (c == '%') return parse_inline();
    if (is_name_start(c)) return add_text(Kind::name, scope_ + std::string(TRY(parse_name())));
    return wrong("{} is not part of a rule", here());
  }

  Result<uint32_t> parse_text_or_range() {
    const size_t begin = at_;
    LarkNode node;
    node.kind = Kind::text;
    node.text = TRY(parse_literal());
    node.ignore_case = take('i');
    const size_t end = at_;
    skip_blanks();
    if (!text_.substr(at_).starts_with("..") || node.ignore_case) {
      at_ = end;
      return add(std::move(node));
    }
    at_ += 2;
    skip_blanks();
    if (peek() != '"') return wrong("the last character of the range is expected, not {}", here());
    const std::string last = TRY(parse_literal());
    const auto only = [](std::string_view text) {
      const Utf8Char one = text.empty() ? Utf8Char{} : utf8_at(text, 0);
      return one.n_bytes == text.size() ? one : Utf8Char{};
    };
    const Utf8Char from = only(node.text), to = only(last);
    if (from.n_bytes == 0 || to.n_bytes == 0)
      return at_ = begin, wrong("a range goes from one character to one character");
    if (to.code < from.code) return at_ = begin, wrong("the range ends before it begins");
    node.kind = Kind::range;
    node.range = {from.code, to.code};
    return add(std::move(node));
  }

  // Of a text in quotes. A backslash before another character stands for itself.
  Result<std::string> parse_literal() {
    const size_t begin = at_++;
    std::string literal;
    while (peek() != '"') {
      if (at_end() || at_newline()) return at_ = begin, wrong("this text in quotes has no end");
      if (!take('\\')) {
        append_utf8(literal, TRY(parse_utf8()));
        continue;
      }
      const char c = peek();
      ++at_;
      switch (c) {
        case 'x':
          append_utf8(literal, TRY(parse_hex(2)));
          break;
        case 'u':
          append_utf8(literal, TRY(parse_hex(4)));
          break;
        case 'U':
          append_utf8(literal, TRY(parse_hex(8)));
          break;
        case 'n':
          literal += '\n';
          break;
        case 'f':
          literal += '\f';
          break;
        case 't':
          literal += '\t';
          break;
        case 'r':
          literal += '\r';
          break;
        case '"':
        case '\\':
          literal += c;
          break;
        default:
          literal += '\\';
          --at_;
      }
    }
    ++at_;
    return literal;
  }

  // /expression/ with the flags i (both cases), s (. is any character) and u.
  Result<uint32_t> parse_regex_item() {
    const size_t begin = at_++;
    LarkNode node;
    node.kind = Kind::regex;
    while (peek() != '/') {
      if (at_end() || at_newline())
        return at_ = begin, wrong("this expression has no '/' at its end");
      if (!take('\\')) {
        node.text += text_[at_++];
      } else if (take('U')) {
        node.text += fmt::format("\\u{{{:X}}}", static_cast<uint32_t>(TRY(parse_hex(8))));
      } else if (at_end() || at_newline()) {
        return at_ = begin, wrong("this expression has no '/' at its end");
      } else {
        node.text += '\\';
        node.text += text_[at_++];
      }
    }
    ++at_;
    for (char flag = peek(); flag >= 'a' && flag <= 'z'; flag = peek()) {
      if (flag == 'i')
        node.ignore_case = true;
      else if (flag == 's')
        node.dot_is_any = true;
      else if (flag != 'u')
        return unsupported("flags of expressions other than i, s and u");
      ++at_;
    }
    return add(std::move(node));
  }

  // %json {...}: a text that satisfies a schema, as llguidance has it.
  Result<uint32_t> parse_inline() {
    const size_t begin = at_++;
    const std::string_view word = TRY(parse_name());
    skip_blank_lines();
    if (word != "json" || peek() != '{') {
      at_ = begin;
      return unsupported("parts like %" + printable(word, 40));
    }
    const size_t first = at_;
    size_t depth = 0;
    bool quoted = false;
    for (; !at_end(); ++at_) {
      const char c = text_[at_];
      if (quoted && c == '\\')
        ++at_;
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && c == '{')
        ++depth;
      else if (!quoted && c == '}' && --depth == 0)
        return ++at_, add_text(Kind::json, std::string(text_.substr(first, at_ - first)));
    }
    return at_ = begin, wrong("this schema has no end");
  }

  std::string scope_;
  LarkTree& tree_;
  std::unordered_set<std::string> defined_;
  std::vector<Alias> aliases_;
};

}  // namespace

bool is_lark_terminal(std::string_view name) {
  if (name.starts_with(common_scope)) name.remove_prefix(common_scope.size());
  const size_t letter = name.find_first_not_of('_');
  return letter != name.npos && name[letter] >= 'A' && name[letter] <= 'Z';
}

Result<LarkTree> parse_lark_tree(std::string_view text, std::string_view name,
                                 const GrammarLimits& limits) {
  if (text.size() > limits.text_bytes_max)
    return fail(Fault::limit, "{}: a grammar of {} bytes, at most {} are supported", name,
                text.size(), limits.text_bytes_max);
  LarkTree tree;
  TRY(LarkParser(text, name, "", limits, tree).run());
  return tree;
}

}  // namespace quire
