// The first half of Automaton::compile(): expressions to automata with empty edges (Thompson 1968),
// one for every rule that the root reaches.
#pragma once
#include "grammar/automaton.h"

#include <cstdint>
#include <vector>

namespace quire {

constexpr uint32_t no_node = UINT32_MAX;

struct NodeEdge {
  enum class Kind : uint8_t { empty, bytes, call, token };
  Kind kind;
  uint8_t first = 0, last = 0;  // of bytes
  uint32_t what = 0;            // rule or token
  uint32_t target = 0;
  uint32_t next = no_node;  // edge of the same node
};

// A repetition: copies of `size` nodes each, one behind the other, from `first_node` on.
struct Copies {
  uint32_t first_node, size, n;
  uint32_t min, max;
};

struct RuleNodes {
  RuleId rule;
  uint32_t start, end;
};

struct Nodes {
  std::vector<uint32_t> first_edge;  // of each node, or no_node
  std::vector<NodeEdge> edges;
  std::vector<Copies> copies;
  std::vector<RuleNodes> rules;  // the reached ones; the root first
};

Result<Nodes> build_nodes(const Grammar& grammar, std::string_view name);

}  // namespace quire
