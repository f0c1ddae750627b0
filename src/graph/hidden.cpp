#include "graph/hidden.h"

#include "base/check.h"

#include <algorithm>

namespace quire {
namespace {

// Index of the node that makes a value.
size_t producer(const Graph& graph, ValueId id) {
  const auto makes = [&](const Node& node) {
    return std::ranges::find(node.outputs, id) != node.outputs.end();
  };
  const auto found = std::ranges::find_if(graph.nodes, makes);
  CHECK(found != graph.nodes.end());
  return static_cast<size_t>(found - graph.nodes.begin());
}

}  // namespace

ValueId hidden_value(const Graph& graph) {
  if (graph.hidden != no_value || graph.logits == no_value) return graph.hidden;
  // Logits may be scaled or capped behind their matrix.
  for (ValueId id = graph.logits;;) {
    const Node& node = graph.nodes[producer(graph, id)];
    id = node.inputs[0];
    if (node.op == Op::linear) return id;
    if (graph.value(id).role != Role::activation) return no_value;
  }
}

Graph up_to_hidden(Graph graph) {
  const ValueId hidden = hidden_value(graph);
  CHECK(hidden != no_value);
  graph.nodes.resize(producer(graph, hidden) + 1);
  graph.hidden = hidden;
  graph.logits = no_value;
  graph.outputs = {hidden};
  return graph;
}

}  // namespace quire
