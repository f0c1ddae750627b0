#include "kernels/gemm_blocks.h"

#include "kernels/simd_math.h"

#include <algorithm>

namespace quire::portable {
namespace {

constexpr int64_t panel_m = 4, panel_n = 8;

// One register block; a: element (i, k) at i * row_step + k * k_step.
void block(const GemmBlocks::Task& task, const float* a, int64_t row_step, int64_t k_step,
           const float* b, float* c, int64_t m, int64_t n, const float* bias) {
  float sums[panel_m][panel_n] = {};
  for (int64_t k = 0; k < task.k; ++k)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < panel_n; ++j)
        sums[i][j] += a[i * row_step + k * k_step] * b[k * panel_n + j];
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const float v = (bias != nullptr ? bias[j] : 0.0f) + sums[i][j];
      float& to = c[i * task.c_stride + j];
      to = task.output == Output::add ? to + v : v;
    }
}

void multiply(const GemmBlocks::Task& task, int64_t a_panel_step, int64_t row_step,
              int64_t k_step) {
  for (int64_t j = 0; j < task.n; j += panel_n)
    for (int64_t i = 0; i < task.m; i += panel_m)
      block(task, task.a + i / panel_m * a_panel_step, row_step, k_step,
            task.b + j / panel_n * task.b_step, task.c + i * task.c_stride + j,
            std::min(panel_m, task.m - i), std::min(panel_n, task.n - j),
            task.bias == nullptr ? nullptr : task.bias + j);
}
void multiply_rows(const GemmBlocks::Task& task) {
  multiply(task, panel_m * gemm_a_stride, gemm_a_stride, 1);
}
void multiply_columns(const GemmBlocks::Task& task) {
  multiply(task, task.a_panel_step, 1, task.a_stride);
}

void pack_columns(float* panel, const float* lines, int64_t stride, int64_t n, int64_t k) {
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < panel_n; ++j)
      panel[i * panel_n + j] = j < n ? lines[j * stride + i] : 0.0f;
}
void pack_rows(float* panel, const float* lines, int64_t stride, int64_t n, int64_t k) {
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < panel_n; ++j)
      panel[i * panel_n + j] = j < n ? lines[i * stride + j] : 0.0f;
}
void pack_a_columns(float* a, const float* lines, int64_t stride, int64_t m, int64_t k) {
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j < m; ++j) a[i * panel_m + j] = lines[i * stride + j];
}

GemmBlocks blocks() {
  return {panel_m,      panel_n,   multiply_rows, multiply_columns,
          pack_columns, pack_rows, pack_a_columns};
}

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/gemm_blocks_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

GemmBlocks gemm_blocks() { return KERNEL_VERSION(blocks)(); }

}  // namespace quire
