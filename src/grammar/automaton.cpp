#include "grammar/automaton.h"

#include "base/rng.h"
#include "format/printable.h"
#include "grammar/automaton_nodes.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <map>
#include <tuple>
#include <unordered_map>

namespace quire {

// From nodes with empty edges to states without: a state for every node that a byte, a call or a
// token leads to, with the edges of all nodes that empty edges lead on to.
class AutomatonCompiler {
 public:
  AutomatonCompiler(const Grammar& grammar, std::string_view name)
      : grammar_(grammar), name_(name), result_(std::make_shared<Automaton>()) {}

  Result<std::shared_ptr<const Automaton>> run() {
    nodes_ = TRY(build_nodes(grammar_, name_));
    result_->tokens_ = grammar_.tokens();
    result_->root_ = grammar_.root();
    result_->rules_.resize(grammar_.n_rules());
    for (size_t i = 0; i < grammar_.n_rules(); ++i)
      result_->rules_[i].name = grammar_.rule_name(static_cast<RuleId>(i));
    TRY(collect_states());
    merge_equal();
    TRY(keep_what_ends());
    find_nullable();
    find_classes();
    find_alike();
    return std::shared_ptr<const Automaton>(std::move(result_));
  }

 private:
  // A state of the automaton being made, its edges in flat_.
  struct State {
    uint32_t node;
    uint32_t rule;  // index in nodes_.rules
    uint32_t begin = 0, end = 0;
    bool final = false;
  };

  uint32_t state_of(uint32_t node, uint32_t rule) {
    if (state_of_node_[node] == no_node) {
      state_of_node_[node] = static_cast<uint32_t>(states_.size());
      states_.push_back({node, rule});
    }
    return state_of_node_[node];
  }

  Result<void> collect_states() {
    state_of_node_.assign(nodes_.first_edge.size(), no_node);
    seen_.assign(nodes_.first_edge.size(), no_node);
    for (uint32_t r = 0; r < nodes_.rules.size(); ++r) {
      const uint32_t start = state_of(nodes_.rules[r].start, r);
      result_->rules_[nodes_.rules[r].rule].start = start;
      for (uint32_t s = start; s < states_.size(); ++s) TRY(collect_edges(s));
    }
    return {};
  }

  Result<void> collect_edges(uint32_t s) {
    const uint32_t rule = states_[s].rule;
    states_[s].begin = static_cast<uint32_t>(flat_.size());
    stack_.assign(1, states_[s].node);
    seen_[states_[s].node] = s;
    while (!stack_.empty()) {
      const uint32_t node = stack_.back();
      stack_.pop_back();
      if (node == nodes_.rules[rule].end) states_[s].final = true;
      for (uint32_t i = nodes_.first_edge[node]; i != no_node; i = nodes_.edges[i].next) {
        NodeEdge edge = nodes_.edges[i];
        if (edge.kind != NodeEdge::Kind::empty) {
          edge.target = state_of(edge.target, rule);
          flat_.push_back(edge);
        } else if (seen_[edge.target] != s) {
          seen_[edge.target] = s;
          stack_.push_back(edge.target);
        }
      }
      if (++n_steps_ + flat_.size() > 8 * grammar_.limits().states_max)
        return fail(Fault::limit,
                    "{}: rule '{}' has too many ways to leave out its parts: repeat parts that "
                    "cannot be empty",
                    name_, printable(grammar_.rule_name(nodes_.rules[rule].rule)));
    }
    const auto begin = flat_.begin() + states_[s].begin;
    std::sort(begin, flat_.end(),
              [&](const NodeEdge& a, const NodeEdge& b) { return edge_key(a) < edge_key(b); });
    flat_.erase(std::unique(begin, flat_.end(),
                            [&](const NodeEdge& a, const NodeEdge& b) {
                              return edge_key(a) == edge_key(b);
                            }),
                flat_.end());
    states_[s].end = static_cast<uint32_t>(flat_.size());
    return {};
  }

  // States of one rule with the same edges are one: `[a-z]*` has no other state before its first
  // letter than after it. Merging makes more of them equal, a few times is enough.
  void merge_equal() {
    for (int pass = 0; pass < 3; ++pass) {
      std::unordered_multimap<uint64_t, uint32_t> by_hash;
      std::vector<uint32_t> same(states_.size());
      bool any = false;
      for (uint32_t s = 0; s < states_.size(); ++s) {
        same[s] = s;
        uint64_t hash = uint64_t{states_[s].rule} << 1 | (states_[s].final ? 1 : 0);
        for (const NodeEdge& e : edges(s)) {
          hash ^= uint64_t{e.target} << 32 | e.what;
          hash += uint64_t{e.first} << 16 | uint64_t{e.last} << 8 | static_cast<uint64_t>(e.kind);
          hash = splitmix64(hash);
        }
        const auto [begin, end] = by_hash.equal_range(hash);
        const auto equal = std::find_if(begin, end, [&](const auto& other) {
          const State &a = states_[s], &b = states_[other.second];
          return a.rule == b.rule && a.final == b.final &&
                 std::ranges::equal(edges(s), edges(other.second), {}, edge_key, edge_key);
        });
        if (equal != end)
          any = true, same[s] = equal->second;
        else
          by_hash.emplace(hash, s);
      }
      if (!any) return;
      for (NodeEdge& e : flat_) e.target = same[e.target];
      for (uint32_t& s : state_of_node_)
        if (s != no_node) s = same[s];
    }
  }

  static std::tuple<NodeEdge::Kind, uint8_t, uint8_t, uint32_t, uint32_t> edge_key(
      const NodeEdge& e) {
    return {e.kind, e.first, e.last, e.what, e.target};
  }

  std::span<const NodeEdge> edges(uint32_t s) const {
    return std::span(flat_).subspan(states_[s].begin, states_[s].end - states_[s].begin);
  }

  // Which states a text of finite length leads to the end from; then only the edges between them.
  Result<void> keep_what_ends() {
    struct Into {
      uint32_t from, rule;  // rule: no_node unless the edge is a call
      uint32_t next;
    };
    const size_t n = states_.size();
    std::vector<uint32_t> first_into(n, no_node), waiting(grammar_.n_rules(), no_node);
    std::vector<Into> into;
    for (uint32_t s = 0; s < n; ++s)
      for (const NodeEdge& e : edges(s)) {
        into.push_back(
            {s, e.kind == NodeEdge::Kind::call ? e.what : no_node, first_into[e.target]});
        first_into[e.target] = static_cast<uint32_t>(into.size() - 1);
      }
    std::vector<bool> ends(n, false), rule_ends(grammar_.n_rules(), false);
    std::vector<uint32_t> queue;
    const auto mark = [&](uint32_t s) {
      if (ends[s]) return;
      ends[s] = true;
      queue.push_back(s);
    };
    for (uint32_t s = 0; s < n; ++s)
      if (states_[s].final) mark(s);
    std::vector<Into> waits;
    while (!queue.empty()) {
      const uint32_t s = queue.back();
      queue.pop_back();
      for (uint32_t i = first_into[s]; i != no_node; i = into[i].next) {
        if (into[i].rule == no_node || rule_ends[into[i].rule]) {
          mark(into[i].from);
        } else {
          waits.push_back({into[i].from, no_node, waiting[into[i].rule]});
          waiting[into[i].rule] = static_cast<uint32_t>(waits.size() - 1);
        }
      }
      const RuleNodes& rule = nodes_.rules[states_[s].rule];
      if (states_[s].node != rule.start) continue;
      rule_ends[rule.rule] = true;
      for (uint32_t i = waiting[rule.rule]; i != no_node; i = waits[i].next) mark(waits[i].from);
    }
    if (!rule_ends[grammar_.root()])
      return fail(Fault::bad_format,
                  "{}: nothing follows this grammar: rule '{}' has no text that ends", name_,
                  printable(grammar_.rule_name(grammar_.root())));
    for (uint32_t s = 0; s < n; ++s) {
      Automaton& a = *result_;
      a.bytes_at_.push_back(static_cast<uint32_t>(a.byte_edges_.size()));
      a.calls_at_.push_back(static_cast<uint32_t>(a.call_edges_.size()));
      a.tokens_at_.push_back(static_cast<uint32_t>(a.token_edges_.size()));
      a.final_.push_back(states_[s].final ? 1 : 0);
      for (const NodeEdge& e : edges(s)) {
        if (!ends[e.target]) continue;
        if (e.kind == NodeEdge::Kind::bytes) a.byte_edges_.push_back({e.first, e.last, e.target});
        if (e.kind == NodeEdge::Kind::token) a.token_edges_.push_back({e.what, e.target});
        if (e.kind == NodeEdge::Kind::call && rule_ends[e.what])
          a.call_edges_.push_back({e.what, e.target});
      }
    }
    result_->bytes_at_.push_back(static_cast<uint32_t>(result_->byte_edges_.size()));
    result_->calls_at_.push_back(static_cast<uint32_t>(result_->call_edges_.size()));
    result_->tokens_at_.push_back(static_cast<uint32_t>(result_->token_edges_.size()));
    return {};
  }

  // A rule is nullable when calls of nullable rules lead from its start to its end.
  void find_nullable() {
    Automaton& a = *result_;
    std::vector<bool> reached(states_.size(), false);
    std::vector<std::vector<uint32_t>> waiting(a.rules_.size());
    std::vector<uint32_t> queue;
    const auto mark = [&](uint32_t s) {
      if (reached[s]) return;
      reached[s] = true;
      queue.push_back(s);
    };
    for (const RuleNodes& rule : nodes_.rules) mark(a.rules_[rule.rule].start);
    while (!queue.empty()) {
      const uint32_t s = queue.back();
      queue.pop_back();
      Automaton::Rule& rule = a.rules_[nodes_.rules[states_[s].rule].rule];
      for (const auto& call : a.call_edges(s)) {
        if (a.rules_[call.rule].nullable)
          mark(call.target);
        else
          waiting[call.rule].push_back(call.target);
      }
      if (!a.final(s) || rule.nullable) continue;
      rule.nullable = true;
      for (const uint32_t target : waiting[nodes_.rules[states_[s].rule].rule]) mark(target);
    }
  }

  // Two bytes are of one class when the same ranges hold both.
  void find_classes() {
    std::vector<bool> used(1 << 16, false);
    for (const auto& e : result_->byte_edges_)
      used[static_cast<size_t>(e.first << 8 | e.last)] = true;
    std::array<std::pair<uint64_t, uint64_t>, 256> signature{};
    uint64_t seed = 1;
    for (uint32_t range = 0; range < used.size(); ++range) {
      if (!used[range]) continue;
      const uint64_t a = splitmix64(seed), b = splitmix64(seed);
      for (uint32_t byte = range >> 8; byte <= (range & 255); ++byte) {
        signature[byte].first += a;
        signature[byte].second ^= b;
      }
    }
    std::map<std::pair<uint64_t, uint64_t>, uint8_t> classes;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const auto [at, is_new] =
          classes.try_emplace(signature[byte], static_cast<uint8_t>(classes.size()));
      if (is_new) result_->class_byte_.push_back(static_cast<uint8_t>(byte));
      result_->class_of_[byte] = at->second;
    }
  }

  // In copy i of n (min, max): what follows the copy is the same for 2^k bytes as behind the copy
  // that has 2^k more to come, when there are at least 2^k to come, before the minimum or else
  // before the maximum. A copy takes at least one byte, or may be left out at any place.
  void find_alike() {
    constexpr uint32_t n_shortest = 8;  // below, a state of its own is cheaper
    bool any = false;
    std::vector<int64_t> shift(nodes_.first_edge.size(), 0);
    std::vector<uint32_t> n_bytes(nodes_.first_edge.size(), Automaton::any_bytes);
    for (const Copies& c : nodes_.copies) {
      if (c.size == 0 || c.n <= n_shortest) continue;
      any = true;
      for (uint32_t i = 0; i < c.n; ++i) {
        const bool before_min = i + 1 < c.min;
        const uint32_t to_come = (before_min ? c.min : c.n) - (i + 1);
        if (to_come < n_shortest) continue;
        const uint32_t stands_for = std::bit_floor(to_come);
        const int64_t copies = static_cast<int64_t>(to_come) - stands_for;
        for (uint32_t j = 0; j < c.size; ++j) {
          const size_t node = c.first_node + size_t{i} * c.size + j;
          shift[node] += copies * c.size;
          n_bytes[node] = std::min(n_bytes[node], stands_for);
        }
      }
    }
    if (!any) return;
    result_->alike_.resize(states_.size());
    for (uint32_t s = 0; s < states_.size(); ++s) {
      const uint32_t node = states_[s].node;
      const uint32_t other =
          state_of_node_[static_cast<size_t>(static_cast<int64_t>(node) + shift[node])];
      if (other == no_node)
        result_->alike_[s] = {s, Automaton::any_bytes};
      else
        result_->alike_[s] = {other, n_bytes[node]};
    }
  }

  const Grammar& grammar_;
  std::string_view name_;
  std::shared_ptr<Automaton> result_;
  Nodes nodes_;
  std::vector<uint32_t> state_of_node_;
  std::vector<State> states_;
  std::vector<NodeEdge> flat_;
  std::vector<uint32_t> seen_, stack_;
  size_t n_steps_ = 0;
};

Result<std::shared_ptr<const Automaton>> Automaton::compile(const Grammar& grammar,
                                                            std::string_view name) {
  return AutomatonCompiler(grammar, name).run();
}

}  // namespace quire
