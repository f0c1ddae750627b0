#include "kernels/softmax.h"

#include "kernels/simd_math.h"
#include "kernels/softmax_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire::portable {
namespace {

float row_max(const float* x, int64_t n) {
  float m = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) m = x[i] > m ? x[i] : m;
  return m;
}
float exp_row(float* y, const float* x, float offset, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{y[i] = std::exp(x[i] - offset)};
  return static_cast<float>(sum);
}
float sum_exp_row(const float* x, float offset, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{std::exp(x[i] - offset)};
  return static_cast<float>(sum);
}
void scale_row(float* y, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}
void softmax_backward_row(float* dx, const float* dy, const float* y, int64_t n, Output output) {
  double dot = 0;
  for (int64_t i = 0; i < n; ++i) dot += double{dy[i]} * double{y[i]};
  for (int64_t i = 0; i < n; ++i)
    dx[i] = (output == Output::add ? dx[i] : 0.0f) + y[i] * (dy[i] - static_cast<float>(dot));
}

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/softmax_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

SoftmaxPasses softmax_passes() {
  return {KERNEL_VERSION(row_max), KERNEL_VERSION(exp_row), KERNEL_VERSION(sum_exp_row),
          KERNEL_VERSION(scale_row)};
}

void softmax(Rows<float> y, Rows<const float> x) {
  CHECK(same_shape(y, x));
  const SoftmaxPasses passes = softmax_passes();
  for (int64_t t = 0; t < x.n; ++t) {
    const float m = passes.row_max(x.row(t), x.width);
    if (m == -std::numeric_limits<float>::infinity()) {
      std::fill_n(y.row(t), y.width, 0.0f);
      continue;
    }
    const float sum = passes.exp_row(y.row(t), x.row(t), m, x.width);
    passes.scale_row(y.row(t), 1.0f / sum, y.width);
  }
}

void softmax_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> y, Output output) {
  CHECK(same_shape(dx, y) && same_shape(dy, y));
  const auto kernel = KERNEL_VERSION(softmax_backward_row);
  for (int64_t t = 0; t < y.n; ++t) kernel(dx.row(t), dy.row(t), y.row(t), y.width, output);
}

void log_sum_exp(View<float, 1> lse, Rows<const float> x) {
  CHECK(lse.dim(0) == x.n);
  const SoftmaxPasses passes = softmax_passes();
  for (int64_t t = 0; t < x.n; ++t) {
    const float m = passes.row_max(x.row(t), x.width);
    const bool nothing = m == -std::numeric_limits<float>::infinity();
    lse(t) = nothing ? m : m + std::log(passes.sum_exp_row(x.row(t), m, x.width));
  }
}

}  // namespace quire
