// Adapters as edits of a graph: what they add stands beside the base weights, which are neither
// copied nor changed, whatever type they are stored in.
//
//   low rank (LoRA, Hu et al. 2021, arXiv:2106.09685, section 4.1), for a matrix W (N, K):
//     y = x WT + ((x AT) * factor * strength) BT        A (R, K), B (N, R)
//   direction (control vector, Zou et al. 2023, arXiv:2310.01405), at the end of a layer:
//     y = x + factor * strength * direction             (D)
//
// Several adapters of one matrix lie one below the other in A and side by side in B, so they cost
// one pair of products. Strengths come with the batch, one of each adapter for each row: sequences
// that run together may use different ones.
#pragma once
#include "base/result.h"
#include "graph/graph.h"

#include <span>
#include <string>

namespace quire {

// Adds parameters `target`.lora_a (R, K), or (X, R, K) for X experts or heads, or (V, R) for the
// table of an embedding, and `target`.lora_b (N, R) or (X, N, R).
struct LowRankEdit {
  std::string target;              // the parameter that is adapted: "blk.0.attn_q.weight"
  std::vector<AdapterPart> parts;  // their columns add up to R
};
// Adds the parameter `value`.directions (n, D).
struct SteerEdit {
  std::string value;               // what is steered: "blk.3.ffn_residual"
  std::vector<AdapterPart> parts;  // one for each direction, n = 1
};

// What a parameter is to the adapters of it.
struct AdapterTarget {
  enum class Kind : uint8_t {
    matrix,
    table,  // of an embedding
    stack,  // a matrix for each expert or head
  };
  Kind kind = Kind::matrix;
  ValueId parameter = no_value;
  // Lengths of a row of A and of a column of B; matrices of a stack.
  int64_t n_in = 0, n_out = 0, n_matrices = 0;
};
// The parameter of that name: not_found when the graph has none, unsupported when it is used in
// another way than in a product of rows or as the table of an embedding. "output.weight" is the
// head also where the embedding takes its place.
Result<AdapterTarget> find_adapter_target(const Graph& graph, const std::string& name);

// Targets were found by find_adapter_target(), values by Graph::find(): CHECKed.
void add_low_rank(Graph& graph, const LowRankEdit& edit);
void add_steering(Graph& graph, const SteerEdit& edit);

// How many strengths the batches of this graph carry for each row.
int32_t n_adapters(const Graph& graph);

}  // namespace quire
