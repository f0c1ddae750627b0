// General matrix product  C (M, N) (+)= A (M, K) · B (K, N) + bias, f32 accumulation, B of any
// storage type with a codec. Backward passes use it:  dX (T, K) += dY (T, N) · W (N, K)   and   dW
// (N, K) += dYᵀ (N, T) · X (T, K).
//
// Blocked after Goto & van de Geijn 2008 (Anatomy of High-Performance Matrix Multiplication):
// operands are packed into panels that stay in the caches, a register-blocked kernel runs over
// them. The sum over K of each element is cut at multiples of gemm_k_block and is sequential inside
// a block: every element of C is the same for any tiling, for any M and N, and for any number of
// threads.
#pragma once
#include "kernels/rows.h"
#include "tensor/tensor.h"

namespace quire {

constexpr int64_t gemm_k_block = 256;

// A matrix in memory as lines of consecutive elements: its rows, or its columns (then it lies
// transposed).
struct GemmOperand {
  enum class Lines { rows, columns };
  const std::byte* data = nullptr;
  DType dtype = DType::f32;
  int64_t stride_bytes = 0;  // between the starts of two lines
  Lines lines = Lines::rows;

  // The matrix whose rows (columns) are the rows of x.
  static GemmOperand rows(const float* x, int64_t stride);
  static GemmOperand columns(const float* x, int64_t stride);
  static GemmOperand rows(const TensorView& w);
  static GemmOperand columns(const TensorView& w);
};

struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  GemmOperand a{};              // (M, K), f32
  GemmOperand b{};              // (K, N), any storage type
  float* c = nullptr;           // (M, N), overlaps neither A nor B
  int64_t c_stride = 0;         // floats between rows of C
  const float* bias = nullptr;  // (N) or none; added once, also with Output::add
  Output output = Output::write;
};

// How the product is cut. Make it once, run every tile in [0, n_tiles) exactly once, in any order,
// on any threads.
struct GemmPlan {
  Gemm gemm;
  int64_t tile_m = 0, tile_n = 0;  // rows and columns of C per tile
  int64_t n_tiles_n = 0, n_tiles = 0;
};

// n_threads: how many threads will share it; only a hint for the size of the tiles. Zero rows or
// columns make zero tiles; K = 0 writes the bias or zero. CHECKs the shapes.
GemmPlan gemm_plan(const Gemm& gemm, int n_threads = 1);
// Enough for every tile of every plan.
size_t gemm_scratch_bytes();
void gemm_tile(const GemmPlan& plan, int64_t tile, Scratch scratch);
// All tiles in order.
void gemm(const Gemm& gemm, Scratch scratch);

}  // namespace quire
