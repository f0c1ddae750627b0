// Arena planning: where each activation lies in one block of memory, so that a step allocates
// nothing.
//
// Liveness: a value lives from the node that writes it to the last node that reads it (graph
// outputs: to the end). Offsets: greedy by size, largest first, at the lowest offset free for the
// whole life (the "greedy by size" strategy of Pisarchyk & Lee 2020, arXiv:2001.03288). An
// element-wise node whose input dies there writes over it.
#pragma once
#include "graph/graph.h"

#include <cstdint>
#include <vector>

namespace quire {

struct ArenaPlan {
  std::vector<int64_t> offset;  // per value, bytes; -1 when the value has no place here (inputs,
                                // parameters, gradients)
  int64_t n_bytes = 0;          // of the whole arena
  int64_t n_bytes_naive = 0;    // without reuse, for comparison
};

// Plans for the largest batch; any smaller one fits the same offsets. Offsets are multiples of 64.
ArenaPlan plan_arena(const Graph& graph, const Binding& largest);

}  // namespace quire
