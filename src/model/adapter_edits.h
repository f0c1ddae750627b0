// The adapters of a model as one edit of its graph, and the parameters that the edit adds.
#pragma once
#include "graph/adapters.h"
#include "model/adapter.h"

#include <span>
#include <vector>

namespace quire {

struct AdapterEdits {
  std::vector<LowRankEdit> low_rank;
  std::vector<SteerEdit> steering;
  std::vector<Tensor> params;  // in the order in which apply() adds them

  bool empty() const { return params.empty(); }
  void apply(Graph& graph) const;
};

// adapters[i] gets the strength number i. They were checked against the graph.
AdapterEdits adapter_edits(std::span<const Adapter> adapters, const Graph& graph);

// What layer `layer` gives to the next one: "blk.3.ffn_residual"; no_value where the architecture
// has no such value.
ValueId layer_output(const Graph& graph, int64_t layer);

}  // namespace quire
