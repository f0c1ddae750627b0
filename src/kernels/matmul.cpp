// Few rows: weights are decoded into L1 a piece at a time and multiplied with all rows of x at
// once. Many rows: kernels/gemm.h.
#include "kernels/matmul.h"

#include "kernels/simd_math.h"
#include "quant/codec.h"

#include <algorithm>

namespace quire {
namespace {

constexpr int64_t decoded_k = 512;  // elements of a row decoded at a time; four rows are 8 KiB
constexpr int64_t tile_bytes =
    64 * 1024;  // of weights: long enough to hide the hand-over of a tile

// The few-rows path in plain pointers.
struct FewRows {
  int64_t n_x, k;  // n_x <= matmul_few_rows
  const float* x;
  int64_t x_stride;
  const std::byte* w;
  DType dtype;       // of w
  int64_t w_stride;  // bytes
  int64_t block_size, block_bytes;
  void (*decode)(const std::byte* src, float* dst, int64_t n);  // null: w is f32
  float* y;
  int64_t y_stride;
  const float* bias;
  Output output;
};

}  // namespace

namespace portable {
namespace {

// Rows [begin, end) of w.
void few_rows(const FewRows& task, int64_t begin, int64_t end, float* decoded) {
  for (int64_t n = begin; n < end; ++n) {
    double sums[matmul_few_rows] = {};
    for (int64_t k0 = 0; k0 < task.k; k0 += decoded_k) {
      const int64_t k = std::min(decoded_k, task.k - k0);
      const std::byte* row = task.w + n * task.w_stride + k0 / task.block_size * task.block_bytes;
      const float* w = reinterpret_cast<const float*>(row);
      if (task.decode != nullptr) {
        task.decode(row, decoded, k);
        w = decoded;
      }
      for (int64_t t = 0; t < task.n_x; ++t) {
        const float* x = task.x + t * task.x_stride + k0;
        for (int64_t i = 0; i < k; ++i) sums[t] += double{w[i]} * double{x[i]};
      }
    }
    for (int64_t t = 0; t < task.n_x; ++t) {
      const float v = (task.bias != nullptr ? task.bias[n] : 0.0f) + static_cast<float>(sums[t]);
      float& to = task.y[t * task.y_stride + n];
      to = task.output == Output::add ? to + v : v;
    }
  }
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/matmul_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

MatmulPlan matmul_plan(const Matmul& matmul, int n_threads) {
  const TensorView& w = matmul.w;
  CHECK(w.shape.rank == 2 && n_threads >= 1);
  CHECK(matmul.x.width == w.shape[1] && matmul.y.width == w.shape[0]);
  CHECK(matmul.x.n == matmul.y.n);
  MatmulPlan plan;
  plan.matmul = matmul;
  const int64_t n = w.shape[0];
  if (uses_quantized(matmul.quantized.format, matmul.x.n)) {
    CHECK(matmul.quantized.n == matmul.x.n && matmul.quantized.width == matmul.x.width);
    plan.fast = fast_plan(FastMatmul{.x = matmul.quantized,
                                     .w = w,
                                     .y = matmul.y,
                                     .bias = matmul.bias,
                                     .output = matmul.output},
                          n_threads);
    plan.n_tiles = plan.fast.n_tiles;
    return plan;
  }
  CHECK(codec(w.dtype) != nullptr);
  if (matmul.x.n > matmul_few_rows) {
    plan.gemm = gemm_plan(Gemm{.m = matmul.x.n,
                               .n = n,
                               .k = w.shape[1],
                               .a = GemmOperand::rows(matmul.x.data, matmul.x.stride),
                               .b = GemmOperand::columns(w),
                               .c = matmul.y.data,
                               .c_stride = matmul.y.stride,
                               .bias = matmul.bias,
                               .output = matmul.output},
                          n_threads);
    plan.n_tiles = plan.gemm.n_tiles;
    return plan;
  }
  if (matmul.x.n == 0 || n == 0) return plan;
  const int64_t bytes = std::max<int64_t>(1, row_bytes(w.dtype, w.shape[1]));
  const int64_t even = n / (2 * n_threads);  // two tiles per thread at least
  const int64_t rows = std::min(tile_bytes / bytes, even) / 4 * 4;
  plan.rows_of_w = std::max<int64_t>(4, rows);
  plan.n_tiles = (n + plan.rows_of_w - 1) / plan.rows_of_w;
  return plan;
}

size_t matmul_scratch_bytes() {
  return std::max({gemm_scratch_bytes(), fast_scratch_bytes(),
                   static_cast<size_t>(4 * decoded_k) * sizeof(float)});
}

void matmul_tile(const MatmulPlan& plan, int64_t tile, Scratch scratch) {
  CHECK(tile >= 0 && tile < plan.n_tiles && scratch.size() >= matmul_scratch_bytes());
  const Matmul& matmul = plan.matmul;
  if (uses_quantized(matmul.quantized.format, matmul.x.n))
    return fast_tile(plan.fast, tile, scratch);
  if (matmul.x.n > matmul_few_rows) return gemm_tile(plan.gemm, tile, scratch);
  const DTypeInfo& type = info(matmul.w.dtype);
  const FewRows task{.n_x = matmul.x.n,
                     .k = matmul.x.width,
                     .x = matmul.x.data,
                     .x_stride = matmul.x.stride,
                     .w = matmul.w.data,
                     .dtype = type.dtype,
                     .w_stride = row_bytes(type.dtype, matmul.x.width),
                     .block_size = type.block_size,
                     .block_bytes = type.block_bytes,
                     .decode = type.dtype == DType::f32 ? nullptr : codec(type.dtype)->decode,
                     .y = matmul.y.data,
                     .y_stride = matmul.y.stride,
                     .bias = matmul.bias,
                     .output = matmul.output};
  const int64_t begin = tile * plan.rows_of_w;
  KERNEL_VERSION(few_rows)
  (task, begin, std::min(begin + plan.rows_of_w, matmul.w.shape[0]),
   reinterpret_cast<float*>(scratch.data()));
}

void matmul(const Matmul& product, Scratch scratch) {
  const MatmulPlan plan = matmul_plan(product);
  for (int64_t tile = 0; tile < plan.n_tiles; ++tile) matmul_tile(plan, tile, scratch);
}

Gemm matmul_backward_x(Rows<float> dx, Rows<const float> dy, const TensorView& w, Output output) {
  CHECK(w.shape.rank == 2 && dy.width == w.shape[0] && dx.width == w.shape[1] && dx.n == dy.n);
  return {.m = dx.n,
          .n = dx.width,
          .k = dy.width,
          .a = GemmOperand::rows(dy.data, dy.stride),
          .b = GemmOperand::rows(w),
          .c = dx.data,
          .c_stride = dx.stride,
          .bias = nullptr,
          .output = output};
}

Gemm matmul_backward_w(Rows<float> dw, Rows<const float> dy, Rows<const float> x, Output output) {
  CHECK(dw.n == dy.width && dw.width == x.width && dy.n == x.n);
  return {.m = dw.n,
          .n = dw.width,
          .k = dy.n,
          .a = GemmOperand::columns(dy.data, dy.stride),
          .b = GemmOperand::rows(x.data, x.stride),
          .c = dw.data,
          .c_stride = dw.stride,
          .bias = nullptr,
          .output = output};
}

}  // namespace quire
