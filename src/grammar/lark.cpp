#include "grammar/lark.h"

#include "format/printable.h"
#include "grammar/json_schema.h"
#include "grammar/lark_parser.h"
#include "grammar/regex.h"
#include "grammar/regex_classes.h"
#include "text/utf8.h"

#include <optional>
#include <unordered_map>

namespace quire {
namespace {

using Kind = LarkNode::Kind;

class LarkWriter {
 public:
  LarkWriter(const LarkTree& tree, std::string_view name, const GrammarLimits& limits)
      : tree_(tree), name_(name), grammar_(limits) {}

  Result<Grammar> run() {
    for (const LarkDefinition& definition : tree_.definitions) {
      const auto id = static_cast<uint32_t>(index_.size());
      index_.emplace(definition.name, id);
      rules_.push_back(grammar_.add_rule(definition.name));
    }
    TRY(check_terminals());
    TRY(write_ignored());
    for (size_t i = 0; i < rules_.size() && grammar_.ok(); ++i) {
      const LarkDefinition& definition = tree_.definitions[i];
      const Inside inside = is_lark_terminal(definition.name) ? Inside::terminal : Inside::rule;
      grammar_.define(rules_[i], TRY(write(definition.body, inside)));
    }
    const auto start = index_.find("start");
    if (start == index_.end())
      return fail(Fault::bad_format, "{}: the grammar has no rule 'start' to begin with", name_);
    const RuleId root = grammar_.add_rule("root");
    const ExpressionId body = grammar_.rule(rules_[start->second]);
    grammar_.define(root, ignored_ ? grammar_.sequence({grammar_.rule(*ignored_), body}) : body);
    grammar_.set_root(root);
    if (grammar_.error())
      return fail(grammar_.error()->fault, "{}: {}", name_, grammar_.error()->text);
    return std::move(grammar_);
  }

 private:
  enum class Inside { rule, terminal };

  // The names in a definition, or in what is ignored.
  std::vector<std::string_view> names_in(uint32_t body) const {
    std::vector<std::string_view> names;
    std::vector<uint32_t> stack{body};
    while (!stack.empty()) {
      const LarkNode& node = tree_.nodes[stack.back()];
      stack.pop_back();
      if (node.kind == Kind::name) names.push_back(node.text);
      stack.insert(stack.end(), node.children.begin(), node.children.end());
    }
    return names;
  }

  Result<uint32_t> index_of(std::string_view name, std::string_view user) const {
    const auto at = index_.find(std::string(name));
    if (at != index_.end()) return at->second;
    return fail(Fault::bad_format, "{}: {} uses '{}', which is not defined{}", name_,
                printable(user), printable(name),
                is_lark_terminal(name) ? fmt::format("; %import common.{} brings in what the "
                                                     "library knows",
                                                     printable(name))
                                       : "");
  }

  // What terminals are made of is terminals, none of them itself.
  Result<void> check_terminals() const {
    enum class Seen : uint8_t { no, open, done };
    std::vector<Seen> seen(rules_.size(), Seen::no);
    for (uint32_t first = 0; first < rules_.size(); ++first) {
      if (!is_lark_terminal(tree_.definitions[first].name)) continue;
      std::vector<uint32_t> stack{first};
      while (!stack.empty()) {
        const uint32_t i = stack.back();
        if (seen[i] != Seen::no) {
          seen[i] = Seen::done;
          stack.pop_back();
          continue;
        }
        seen[i] = Seen::open;
        const std::string& user = tree_.definitions[i].name;
        for (const std::string_view name : names_in(tree_.definitions[i].body)) {
          TRY(check_is_terminal(name, user));
          const uint32_t used = TRY(index_of(name, "'" + user + "'"));
          if (seen[used] == Seen::open)
            return fail(Fault::bad_format,
                        "{}: the terminal '{}' is made of itself: only rules may be", name_,
                        printable(tree_.definitions[used].name));
          if (seen[used] == Seen::no) stack.push_back(used);
        }
      }
    }
    return {};
  }

  Result<void> check_is_terminal(std::string_view name, std::string_view user) const {
    if (is_lark_terminal(name)) return {};
    return fail(Fault::bad_format,
                "{}: the terminal '{}' uses the rule '{}': terminals are made of texts, "
                "expressions and other terminals",
                name_, printable(user), printable(name));
  }

  // Any number of what is ignored. What it names is written out, so that a long run of blanks is
  // one walk through one automaton.
  Result<void> write_ignored() {
    std::vector<ExpressionId> parts;
    for (uint32_t node : tree_.ignored) {
      for (const std::string_view name : names_in(node)) {
        TRY(check_is_terminal(name, "%ignore"));
        TRY(index_of(name, "%ignore"));
      }
      node = TRY(behind_names(node));
      parts.push_back(TRY(write(node, Inside::terminal)));
    }
    if (parts.empty()) return {};
    ignored_ = grammar_.add_rule("%ignore");
    grammar_.define(*ignored_, grammar_.repeat(grammar_.choice(parts), 0, Grammar::unbounded));
    return {};
  }

  // Past sequences of one name, whose ends check_terminals() has found.
  Result<uint32_t> behind_names(uint32_t node) const {
    while (true) {
      const LarkNode& n = tree_.nodes[node];
      if (n.kind == Kind::sequence && n.children.size() == 1)
        node = n.children[0];
      else if (n.kind == Kind::name)
        node = tree_.definitions[TRY(index_of(n.text, "%ignore"))].body;
      else
        return node;
    }
  }

  // The depth is that of groups, which the parser has bounded.
  Result<ExpressionId> write(uint32_t id, Inside inside) {
    const LarkNode& node = tree_.nodes[id];
    switch (node.kind) {
      case Kind::repeat:
        return grammar_.repeat(TRY(write(node.children[0], inside)), node.min, node.max);
      case Kind::sequence:
      case Kind::choice: {
        std::vector<ExpressionId> parts;
        parts.reserve(node.children.size());
        for (const uint32_t child : node.children) parts.push_back(TRY(write(child, inside)));
        return node.kind == Kind::choice ? grammar_.choice(parts) : grammar_.sequence(parts);
      }
      case Kind::name: {
        const uint32_t used = TRY(index_of(node.text, "the grammar"));
        const ExpressionId rule = grammar_.rule(rules_[used]);
        return is_lark_terminal(node.text) ? ended(rule, inside) : rule;
      }
      default:
        return ended(TRY(write_leaf(node)), inside);
    }
  }

  // In a rule, what is ignored may stand behind every terminal.
  ExpressionId ended(ExpressionId terminal, Inside inside) {
    if (!ignored_ || inside == Inside::terminal) return terminal;
    return grammar_.sequence({terminal, grammar_.rule(*ignored_)});
  }

  Result<ExpressionId> write_leaf(const LarkNode& node) {
    if (node.kind == Kind::range) return grammar_.characters({node.range});
    if (node.kind == Kind::token) return grammar_.token({.id = node.token_id, .text = node.text});
    if (node.kind == Kind::json) return json_schema_expression(grammar_, node.text, name_);
    if (node.kind == Kind::regex) {
      RegexFlags flags;
      flags.dot = node.dot_is_any ? RegexFlags::Dot::any : RegexFlags::Dot::no_newline;
      flags.ignore_case = node.ignore_case;
      flags.refuse_anchors = true;
      const auto write = [](Grammar& g, const std::vector<CodeRange>& r) {
        return g.characters(r);
      };
      return regex_expression(grammar_, node.text, name_, RegexSpan::whole, write, flags);
    }
    if (!node.ignore_case) return grammar_.text(node.text);
    std::vector<ExpressionId> letters;
    for (size_t at = 0; at < node.text.size();) {
      const Utf8Char one = utf8_at(node.text, at);  // the parser has read nothing else
      letters.push_back(grammar_.characters(with_other_cases({one.code, one.code})));
      at += one.n_bytes;
    }
    return grammar_.sequence(letters);
  }

  const LarkTree& tree_;
  std::string_view name_;
  Grammar grammar_;
  std::unordered_map<std::string, uint32_t> index_;  // of definitions
  std::vector<RuleId> rules_;                        // of definitions
  std::optional<RuleId> ignored_;
};

}  // namespace

Result<Grammar> parse_lark(std::string_view text, std::string_view name,
                           const GrammarLimits& limits) {
  const LarkTree tree = TRY(parse_lark_tree(text, name, limits));
  return LarkWriter(tree, name, limits).run();
}

bool looks_like_lark(std::string_view text) {
  const auto skip = [&](std::string_view set) {
    text.remove_prefix(std::min(text.find_first_not_of(set), text.size()));
  };
  for (skip(" \t\r\n"); text.starts_with('#') || text.starts_with("//"); skip(" \t\r\n"))
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  if (text.starts_with('%')) return true;
  skip("!?");
  const size_t before = text.size();
  skip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  if (text.size() == before) return false;
  skip(" \t");
  if (text.starts_with('.')) skip(".0123456789+- \t");
  if (text.starts_with('{') || text.starts_with('[')) return true;
  return text.starts_with(':') && !text.starts_with("::") && !text.starts_with(":=");
}

}  // namespace quire
