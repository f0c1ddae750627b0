// A graph printed as C99: the model's part of the `run.c` that `quire convert --to two-files`
// writes.
//
// One C function for each kind of operation that occurs, and forward(), which runs one token at one
// position and returns the logits, node by node. Buffers are named after the values; an
// element-wise node whose input dies there works in place, so a residual stream stays one buffer.
// Layers whose statements read the same become a loop. Numbers with a meaning get the letter they
// have in docs/notation.md.
//
// The text expects stdint.h, string.h and math.h, and that somebody sets `n_ctx` and allocates
// `k_cache`, `v_cache` and `scores` (named in CModel) before forward() is called.
#pragma once
#include "base/result.h"
#include "graph/graph.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quire {

enum class CMatrix : uint8_t { f32, bf16 };  // how matrices are stored; vectors are f32

struct EmitOptions {
  CMatrix matrix = CMatrix::f32;
  int64_t n_ctx = 0;  // S: positions that the model knows
};

// A parameter in the order in which the program reads them.
struct CParameter {
  ValueId id = no_value;
  CMatrix storage = CMatrix::f32;
};

struct CModel {
  std::string sizes;       // enum { V = 4096, ... };
  std::string weights;     // struct { ... } w;
  std::string buffers;     // activations, rope frequencies, the cache
  std::string operations;  // functions
  std::string forward;     // static float *forward(int token, int pos)
  std::string bind;        // body that points every member of w at its numbers, by
                           // take_matrix(rows, columns) and take_vector(n)
  std::vector<CParameter> parameters;
  std::string cache_elements;  // C expression: floats of k_cache (and of v_cache) per position
};

// graph: for inference, not fused. unsupported, naming the node, for what has no C text: backward
// and fused operations, layers whose attention differs in shape.
Result<CModel> emit_c(const Graph& graph, const EmitOptions& options);

}  // namespace quire
