#include "cli/show_graph.h"

#include "base/progress.h"
#include "cli/terminal.h"
#include "graph/cost.h"
#include "graph/fuse.h"

#include <algorithm>

namespace quire {
namespace {

// The storage type of each parameter, by its value in the graph. Fusion keeps the values' ids.
std::vector<DType> storage_types(const Model& model, const Graph& graph) {
  std::vector<DType> types(graph.values.size(), DType::f32);
  const std::vector<ValueId> params = graph.all(Role::parameter);
  for (size_t i = 0; i < params.size(); ++i)
    types[static_cast<size_t>(params[i])] = model.params()[i].dtype;
  return types;
}

void print_costs(const Graph& graph, const Binding& binding, const CostOptions& options) {
  const Cost total = graph_cost(graph, binding, options);
  size_t width = 4;
  for (const Node& node : graph.nodes)
    width = std::max(width, graph.value(node.outputs[0]).name.size());
  fmt::print("{}\n",
             dim(fmt::format("{:<{}}  {:<14} {:>10} {:>11} {:>11} {:>11} {:>7}", "node", width,
                             "operation", "FLOP", "weights", "activations", "KV cache", "share")));
  for (const Node& node : graph.nodes) {
    const Cost cost = node_cost(graph, node, binding, options);
    fmt::print("{:<{}}  {:<14} {:>10} {:>11} {:>11} {:>11} {:>5.1f} %\n",
               graph.value(node.outputs[0]).name, width, op_name(node.op), format_count(cost.flops),
               format_bytes(cost.weight_bytes), format_bytes(cost.activation_bytes),
               format_bytes(cost.kv_bytes),
               total.bytes() > 0 ? 100 * cost.bytes() / total.bytes() : 0);
  }
  fmt::print("\n{} rows after {} cached positions: {} FLOP, {} moved ({:.2f} FLOP per byte)\n",
             binding.n_rows, binding.n_past, format_count(total.flops), format_bytes(total.bytes()),
             total.bytes() > 0 ? total.flops / total.bytes() : 0);
}

}  // namespace

Result<int> show_graph(const Model& model, const GraphFlags& flags, int64_t n_ctx) {
  const Graph graph = flags.fused ? fuse(model.graph()) : model.graph();
  if (!flags.cost) {
    fmt::print("{}", print(graph));
    return 0;
  }
  const std::vector<DType> types = storage_types(model, graph);
  CostOptions options;
  options.dtype = [&](ValueId param) { return types[static_cast<size_t>(param)]; };
  print_costs(graph, {.n_rows = flags.n_rows, .n_outputs = 1, .n_past = n_ctx}, options);
  return 0;
}

}  // namespace quire
