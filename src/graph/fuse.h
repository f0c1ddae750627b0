// Fusion: the same computation in fewer nodes, so fewer barriers and fewer passes over memory.
//   linears that read one value (Q, K, V)              -> linear_group
//   gated(linear(x, gate), linear(x, up))              -> linear_gated
//   rms_norm(add(x, r)), the sum still visible          -> add_rms_norm
// Numbers do not change: each output element is computed by the same sum in the same order.
#pragma once
#include "graph/graph.h"

#include <set>
#include <string>

namespace quire {

struct FuseOptions {
  std::set<std::string> keep;  // values that must stay visible, e.g. because a tap reads them
};
Graph fuse(Graph graph, const FuseOptions& options = {});

}  // namespace quire
