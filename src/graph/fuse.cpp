#include "graph/fuse.h"

#include <algorithm>
#include <map>
#include <optional>

namespace quire {
namespace {

// Rewrites the node list in place, one rule after the other. Values that a rule makes superfluous
// stay in the table, produced by nobody.
class Fuser {
 public:
  Fuser(Graph graph, const FuseOptions& options) : graph_(std::move(graph)), options_(options) {}

  Graph run() {
    if (graph_.loss != no_value)
      return std::move(graph_);  // training needs every value of the forward pass
    fuse_gated();
    fuse_groups();
    fuse_experts();
    fuse_add_norm();
    return std::move(graph_);
  }

 private:
  std::vector<Node>& nodes() { return graph_.nodes; }

  std::optional<size_t> producer(ValueId id) const {
    for (size_t i = 0; i < graph_.nodes.size(); ++i)
      for (ValueId out : graph_.nodes[i].outputs)
        if (out == id) return i;
    return std::nullopt;
  }
  // Read by exactly one node, and not asked to stay visible.
  bool is_private(ValueId id) const {
    int n_uses = 0;
    for (const Node& node : graph_.nodes)
      n_uses += static_cast<int>(std::count(node.inputs.begin(), node.inputs.end(), id));
    const bool kept =
        options_.keep.contains(graph_.value(id).name) ||
        std::find(graph_.outputs.begin(), graph_.outputs.end(), id) != graph_.outputs.end();
    return n_uses == 1 && !kept;
  }
  void erase(size_t i) { nodes().erase(nodes().begin() + static_cast<std::ptrdiff_t>(i)); }

  // gated(linear(x, a), linear(x, b)) -> linear_gated(x, a, b)
  void fuse_gated() {
    for (size_t i = 0; i < nodes().size(); ++i) {
      const Node gated = nodes()[i];
      if (gated.op != Op::gated || !is_private(gated.inputs[0]) || !is_private(gated.inputs[1]))
        continue;
      const auto gate_at = producer(gated.inputs[0]);
      const auto up_at = producer(gated.inputs[1]);
      if (!gate_at || !up_at) continue;
      const Node gate = nodes()[*gate_at];
      const Node up = nodes()[*up_at];
      if (gate.op != Op::linear || up.op != Op::linear || gate.inputs[0] != up.inputs[0] ||
          gate.inputs.size() != 2 || up.inputs.size() != 2)
        continue;
      nodes()[i] = {Op::linear_gated,
                    {gate.inputs[0], gate.inputs[1], up.inputs[1]},
                    {gated.outputs[0], up.outputs[0]},
                    gated.attributes,
                    false};
      erase(std::max(*gate_at, *up_at));
      erase(std::min(*gate_at, *up_at));
      i -= 2;
    }
  }

  // Several linears of one value -> one linear_group, at the place of the first.
  void fuse_groups() {
    for (size_t i = 0; i < nodes().size(); ++i) {
      if (nodes()[i].op != Op::linear) continue;
      const ValueId x = nodes()[i].inputs[0];
      const size_t n_inputs = nodes()[i].inputs.size();
      std::vector<size_t> members;
      for (size_t j = i; j < nodes().size(); ++j)
        if (nodes()[j].op == Op::linear && nodes()[j].inputs[0] == x &&
            nodes()[j].inputs.size() == n_inputs)
          members.push_back(j);
      if (members.size() < 2) continue;
      Node group{Op::linear_group, {x}, {}, {}, false};
      for (size_t j : members) group.inputs.push_back(nodes()[j].inputs[1]);
      for (size_t j : members) {
        if (n_inputs == 3) group.inputs.push_back(nodes()[j].inputs[2]);
        group.outputs.push_back(nodes()[j].outputs[0]);
      }
      for (size_t j = members.size(); j-- > 1;) erase(members[j]);
      nodes()[i] = std::move(group);
    }
  }

  // Several products of one value with the same experts -> one with several weights.
  void fuse_experts() {
    for (size_t i = 0; i < nodes().size(); ++i) {
      if (nodes()[i].op != Op::expert_linear) continue;
      const std::vector<ValueId> first = nodes()[i].inputs;  // x, experts, weight[, bias]
      std::vector<ValueId> biases(first.begin() + 3, first.end());
      for (size_t j = i + 1; j < nodes().size();) {
        const Node other = nodes()[j];
        if (other.op != Op::expert_linear || other.inputs[0] != first[0] ||
            other.inputs[1] != first[1] || other.inputs.size() != first.size()) {
          ++j;
          continue;
        }
        nodes()[i].inputs.insert(
            nodes()[i].inputs.begin() + 2 + static_cast<std::ptrdiff_t>(nodes()[i].outputs.size()),
            other.inputs[2]);
        biases.insert(biases.end(), other.inputs.begin() + 3, other.inputs.end());
        nodes()[i].outputs.push_back(other.outputs[0]);
        erase(j);
      }
      const size_t n_weights = nodes()[i].outputs.size();
      nodes()[i].inputs.resize(2 + n_weights);
      nodes()[i].inputs.insert(nodes()[i].inputs.end(), biases.begin(), biases.end());
    }
  }

  // s = add(x, r); y = rms_norm(s, w) -> s, y = add_rms_norm(x, r, w), at the place of the add.
  void fuse_add_norm() {
    for (size_t i = 0; i < nodes().size(); ++i) {
      if (nodes()[i].op != Op::add) continue;
      const ValueId sum = nodes()[i].outputs[0];
      if (options_.keep.contains(graph_.value(sum).name))
        continue;  // a tap may edit it before the norm
      for (size_t j = i + 1; j < nodes().size(); ++j) {
        const Node& norm = nodes()[j];
        if (norm.op != Op::rms_norm || norm.inputs[0] != sum) continue;
        nodes()[i] = {Op::add_rms_norm,
                      {nodes()[i].inputs[0], nodes()[i].inputs[1], norm.inputs[1]},
                      {sum, norm.outputs[0]},
                      norm.attributes,
                      false};
        erase(j);
        break;
      }
    }
  }

  Graph graph_;
  const FuseOptions& options_;
};

}  // namespace

Graph fuse(Graph graph, const FuseOptions& options) {
  return Fuser(std::move(graph), options).run();
}

}  // namespace quire
