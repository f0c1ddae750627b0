// Products with the weights of experts:  y[t,k,n] = sum_d x[t(,k),d] * w[e[t,k],n,d] +
// bias[e[t,k],n] with w (X, N, D) of any storage type and K experts e[t,k] for each row.
//
// The T * K pairs of a row and one of its experts are grouped by expert, and every expert that has
// any is one product (kernels/matmul.h, exact or fast) with the rows that chose it: its weights
// pass once, however many rows there are, and those of other experts not at all. In three steps
//   group_by_expert     counts; once for all products with the same experts
//   place_expert_rows   puts the rows of x, as they are or rounded, side by side by expert
//   expert_tile         multiplies, and writes each result where its pair belongs
// A result depends on its row and its expert's weights, and in an exact product on whether the
// expert has more than matmul_few_rows rows, by rounding.
#pragma once
#include "kernels/quantized_rows.h"
#include "tensor/tensor.h"

#include <vector>

namespace quire {

// Which pairs go to which expert. Pair t * K + k is expert k of row t.
class ExpertGroups {
 public:
  // Memory for so many pairs and experts; group_by_expert() allocates nothing then.
  void reserve(int64_t n_pairs, int64_t n_experts);
  // experts (T, K): whole numbers in [0, n_experts), those of a row different: CHECKed.
  void group_by_expert(Rows<const float> experts, int64_t n_experts);

  int64_t n_used() const { return n_used_; }                                   // K
  int64_t n_pairs() const { return static_cast<int64_t>(order_.size()); }      // T * K
  int64_t n_active() const { return static_cast<int64_t>(active_.size()); }    // experts with any
  int64_t active(int64_t i) const { return active_[static_cast<size_t>(i)]; }  // rising
  int64_t begin(int64_t expert) const { return begin_[static_cast<size_t>(expert)]; }
  int64_t end(int64_t expert) const { return begin_[static_cast<size_t>(expert) + 1]; }
  int64_t pair(int64_t place) const { return order_[static_cast<size_t>(place)]; }
  int64_t place(int64_t pair) const { return place_[static_cast<size_t>(pair)]; }
  int64_t expert(int64_t pair) const { return expert_[static_cast<size_t>(pair)]; }

 private:
  int64_t n_used_ = 1;
  std::vector<int32_t> order_;   // pairs by expert, rising among those of one
  std::vector<int32_t> place_;   // of each pair in order_
  std::vector<int32_t> expert_;  // of each pair
  std::vector<int32_t> begin_;   // of each expert in order_, and the end
  std::vector<int32_t> active_;
};

// The rows of x by expert: those of one expert are a matrix of their own.
struct ExpertRows {
  const ExpertGroups* groups = nullptr;
  RowFormat format = RowFormat::f32;
  int64_t width = 0;          // D
  std::byte* data = nullptr;  // expert_rows_bytes(), aligned to 64
};
// What row_format() names, but for F16, whose experts mostly have few rows.
RowFormat expert_row_format(DType weights, Precision precision);
int64_t expert_rows_bytes(RowFormat format, int64_t n_pairs, int64_t width);
// Rows [begin, end) of x (T, D), each for all its experts, or of x (T, K * D), where every pair has
// its own. Split by rows.
void place_expert_rows(const ExpertRows& to, Rows<const float> x, int64_t begin, int64_t end);

struct ExpertMatmul {
  ExpertRows x;
  TensorView w{};               // (X, N, D)
  const float* bias = nullptr;  // (X, N) or none
  Rows<float> y{};              // (T * K, N), by pair; overlaps nothing else
};

// Known before the experts are: tiles for the largest number that can be active. Those beyond it
// do nothing.
struct ExpertPlan {
  ExpertMatmul matmul;
  int64_t tile_n = 0, n_strips = 0;  // outputs of a tile; tiles of an expert
  int64_t n_tiles = 0;               // run each once, in any order, on any threads
};
// For T rows of K experts. n_threads: a hint for the size of the tiles, without influence on
// results. CHECKs the shapes.
ExpertPlan expert_plan(const ExpertMatmul& matmul, int64_t n_used, int n_threads = 1);
// For one thread; enough for every tile of every plan.
size_t expert_scratch_bytes();
void expert_tile(const ExpertPlan& plan, int64_t tile, Scratch scratch);

// y (T, N) = sum_k weights[t,k] * x[t,k,:], in the order of k; x (T, K * N). Split by rows.
void expert_sum(Rows<float> y, Rows<const float> x, Rows<const float> weights);

}  // namespace quire
