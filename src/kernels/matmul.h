// Matrix product with weights:  y[t,n] (+)= sum_k x[t,k] * w[n,k] + bias[n],   w of any storage
// type with a codec.
//
// Exact (x as it is), two paths. Up to matmul_few_rows rows, weights stream from memory once and
// are multiplied with all rows while they pass (generation: bound by memory bandwidth); a result
// depends on its row of x and on w only, never on T. With more rows it is a packed product
// (kernels/gemm.h, prefill and training: bound by arithmetic); the same holds among all such T. The
// two paths differ in the order of sums, by rounding.
//
// Fast (x rounded to 8 bits or bf16, see kernels/quantized_rows.h): one path for any number of
// rows, kernels/matmul_fast.h; a result never depends on T. With weights in F16 only the second of
// the two cases is done that way: few rows are as fast, and nearer, with x as it is.
#pragma once
#include "kernels/gemm.h"
#include "kernels/matmul_fast.h"

namespace quire {

constexpr int64_t matmul_few_rows = 12;  // measured: from here on packing pays

struct Matmul {
  Rows<const float> x{};        // (T, K)
  TensorView w{};               // (N, K)
  Rows<float> y{};              // (T, N), overlaps neither x nor w
  const float* bias = nullptr;  // (N) or none; added once, also with Output::add
  Output output = Output::write;
  // Where it is given and uses_quantized(), x is not read: the same rows in the format that
  // row_format() names for w.
  QuantizedRows quantized{};
};

// Whether n_rows of x are taken in this format, or as they are.
inline bool uses_quantized(RowFormat format, int64_t n_rows) {
  return format != RowFormat::f32 && (format != RowFormat::q14_32 || n_rows > matmul_few_rows);
}

struct MatmulPlan {
  Matmul matmul;
  GemmPlan gemm;          // when T > matmul_few_rows
  int64_t rows_of_w = 0;  // per tile, when T <= matmul_few_rows
  FastPlan fast;          // when the rows are quantized
  int64_t n_tiles = 0;    // run each once, in any order, on any threads
};

// n_threads: a hint for the size of the tiles, without influence on results. CHECKs the shapes.
MatmulPlan matmul_plan(const Matmul& matmul, int n_threads = 1);
// For one thread; enough for every tile of every plan.
size_t matmul_scratch_bytes();
void matmul_tile(const MatmulPlan& plan, int64_t tile, Scratch scratch);
// All tiles in order.
void matmul(const Matmul& matmul, Scratch scratch);

// The gradients of the above, as products for gemm_plan.  dx (T, K) (+)= dy · w;  dw (N, K) f32
// (+)= dyᵀ · x. The gradient of the bias is sum_rows (kernels/elementwise.h) of dy.
Gemm matmul_backward_x(Rows<float> dx, Rows<const float> dy, const TensorView& w, Output output);
Gemm matmul_backward_w(Rows<float> dw, Rows<const float> dy, Rows<const float> x, Output output);

}  // namespace quire
