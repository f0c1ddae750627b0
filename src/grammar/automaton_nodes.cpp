#include "grammar/automaton_nodes.h"

#include "format/printable.h"
#include "grammar/utf8_ranges.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace quire {
namespace {

class Builder {
 public:
  Builder(const Grammar& grammar, std::string_view name) : grammar_(grammar), name_(name) {}

  Result<Nodes> run() {
    reached_.assign(grammar_.n_rules(), false);
    reach(grammar_.root());
    for (size_t i = 0; i < nodes_.rules.size(); ++i) {  // grows as rules call others
      const RuleNodes rule = nodes_.rules[i];
      const auto expression = grammar_.definition(rule.rule);
      if (!expression)
        return fail(Fault::bad_format, "{}: rule '{}' is used but not defined", name_,
                    printable(grammar_.rule_name(rule.rule)));
      build(*expression, rule.start, rule.end);
      if (full_)
        return fail(Fault::limit,
                    "{}: the grammar needs more than {} states (in rule '{}'): use smaller counts "
                    "in its repetitions",
                    name_, grammar_.limits().states_max, printable(grammar_.rule_name(rule.rule)));
    }
    return std::move(nodes_);
  }

 private:
  uint32_t new_node() {
    if (nodes_.first_edge.size() >= grammar_.limits().states_max) full_ = true;
    if (full_) return 0;
    nodes_.first_edge.push_back(no_node);
    return static_cast<uint32_t>(nodes_.first_edge.size() - 1);
  }

  void connect(uint32_t from, NodeEdge edge) {
    // Every node may have several edges; their number is bounded like that of the nodes.
    if (nodes_.edges.size() >= 4 * grammar_.limits().states_max) full_ = true;
    if (full_) return;
    edge.next = nodes_.first_edge[from];
    nodes_.first_edge[from] = static_cast<uint32_t>(nodes_.edges.size());
    nodes_.edges.push_back(edge);
  }
  void connect_empty(uint32_t from, uint32_t to) {
    connect(from, {.kind = NodeEdge::Kind::empty, .target = to});
  }
  void connect_bytes(uint32_t from, ByteRange bytes, uint32_t to) {
    connect(
        from,
        {.kind = NodeEdge::Kind::bytes, .first = bytes.first, .last = bytes.last, .target = to});
  }

  void reach(RuleId rule) {
    if (reached_[rule]) return;
    reached_[rule] = true;
    const uint32_t start = new_node();
    nodes_.rules.push_back({rule, start, new_node()});
  }

  void build(ExpressionId id, uint32_t from, uint32_t to) {
    // Expressions may be shared, so their number does not bound the visits.
    if (++n_visits_ > 16 * grammar_.limits().states_max) full_ = true;
    if (full_) return;
    const Expression& e = grammar_.expression(id);
    switch (e.kind) {
      case Expression::Kind::nothing:
        return;
      case Expression::Kind::characters:
        return build_characters(e, from, to);
      case Expression::Kind::text:
        return build_text(grammar_.text(e), from, to);
      case Expression::Kind::token:
        return connect(from, {.kind = NodeEdge::Kind::token, .what = e.first, .target = to});
      case Expression::Kind::rule:
        reach(e.first);
        return connect(from, {.kind = NodeEdge::Kind::call, .what = e.first, .target = to});
      case Expression::Kind::choice:
        for (const ExpressionId part : grammar_.children(e)) build(part, from, to);
        return;
      case Expression::Kind::sequence:
        return build_sequence(grammar_.children(e), from, to);
      case Expression::Kind::repeat:
        return build_repeat(e, from, to);
    }
  }

  void build_text(std::string_view text, uint32_t from, uint32_t to) {
    if (text.empty()) return connect_empty(from, to);
    for (size_t i = 0; i < text.size() && !full_; ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      const uint32_t next = i + 1 == text.size() ? to : new_node();
      connect_bytes(from, {byte, byte}, next);
      from = next;
    }
  }

  // Sequences that end alike share their ends.
  void build_characters(const Expression& e, uint32_t from, uint32_t to) {
    std::vector<ByteRanges> all;
    for (const CodeRange range : grammar_.ranges(e)) append_utf8_ranges(all, range);
    std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> tails;
    for (const ByteRanges& one : all) {
      uint32_t target = to;
      for (int i = one.n - 1; i > 0; --i) {
        const ByteRange bytes = one.bytes[static_cast<size_t>(i)];
        const auto [at, is_new] = tails.try_emplace({bytes.first, bytes.last, target}, 0);
        if (is_new) {
          at->second = new_node();
          connect_bytes(at->second, bytes, target);
        }
        target = at->second;
      }
      connect_bytes(from, one.bytes[0], target);
    }
  }

  void build_sequence(std::span<const ExpressionId> parts, uint32_t from, uint32_t to) {
    for (size_t i = 0; i < parts.size(); ++i) {
      const uint32_t next = i + 1 == parts.size() ? to : new_node();
      build(parts[i], from, next);
      from = next;
    }
  }

  void build_repeat(const Expression& e, uint32_t from, uint32_t to) {
    const ExpressionId part = grammar_.children(e)[0];
    const bool bounded = e.max != Grammar::unbounded;
    const uint32_t n = bounded ? e.max : e.min;
    const auto first_node = static_cast<uint32_t>(nodes_.first_edge.size());
    uint32_t at = from;
    for (uint32_t i = 0; i < n && !full_; ++i) {
      if (i >= e.min) connect_empty(at, to);
      const uint32_t next = new_node();
      build(part, at, next);
      at = next;
    }
    const auto n_nodes = static_cast<uint32_t>(nodes_.first_edge.size()) - first_node;
    if (n > 1 && !full_) nodes_.copies.push_back({first_node, n_nodes / n, n, e.min, e.max});
    if (!bounded) {
      const uint32_t loop = new_node();
      connect_empty(at, loop);
      build(part, loop, loop);
      at = loop;
    }
    connect_empty(at, to);
  }

  const Grammar& grammar_;
  std::string_view name_;
  Nodes nodes_;
  std::vector<bool> reached_;
  size_t n_visits_ = 0;
  bool full_ = false;
};

}  // namespace

Result<Nodes> build_nodes(const Grammar& grammar, std::string_view name) {
  if (grammar.error()) return fail(grammar.error()->fault, "{}: {}", name, grammar.error()->text);
  return Builder(grammar, name).run();
}

}  // namespace quire
