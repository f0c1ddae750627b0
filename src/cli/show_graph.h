// quire show --graph: a model's operations, as described or as run, with their costs.
#pragma once
#include "base/result.h"
#include "model/model.h"

namespace quire {

struct GraphFlags {
  bool fused = false, cost = false;
  int64_t n_rows = 1;
};

// n_ctx: positions cached before the step, for the cost of attention; 0 for none.
Result<int> show_graph(const Model& model, const GraphFlags& flags, int64_t n_ctx);

}  // namespace quire
