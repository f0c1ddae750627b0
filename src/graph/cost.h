// Cost: floating-point operations and bytes moved, per node, from the shapes alone: for the
// roofline in benchmarks, the share of peak in training, and planning before anything is loaded. A
// multiply-add counts as 2. Bytes are those of each operand once: weights in their storage type,
// activations in f32, the KV cache in its type.
#pragma once
#include "graph/graph.h"
#include "tensor/dtype.h"

#include <functional>

namespace quire {

struct Cost {
  double flops = 0;
  double weight_bytes = 0;
  double activation_bytes = 0;
  double kv_bytes = 0;
  double bytes() const { return weight_bytes + activation_bytes + kv_bytes; }
  Cost& operator+=(const Cost& other);
};

struct CostOptions {
  std::function<DType(ValueId param)> dtype;  // storage type of a parameter; f32 when empty
  DType kv_dtype = DType::f32;
  int64_t n_sequences = 1;  // the rows are cut evenly into so many sequences
};
Cost node_cost(const Graph& graph, const Node& node, const Binding& binding,
               const CostOptions& options = {});
Cost graph_cost(const Graph& graph, const Binding& binding, const CostOptions& options = {});

}  // namespace quire
