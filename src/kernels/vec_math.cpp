#include "kernels/vec_math.h"

#include "kernels/simd_math.h"

#include <cmath>
#include <limits>

namespace quire::portable {
namespace {

void vec_exp(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] < -87.3365448f ? 0.0f : std::exp(x[i]);
}
void vec_log(float* y, const float* x, int64_t n) {
  constexpr float tiny = std::numeric_limits<float>::min();
  for (int64_t i = 0; i < n; ++i)
    y[i] = x[i] < tiny && !(x[i] < 0) ? -std::numeric_limits<float>::infinity() : std::log(x[i]);
}
void vec_tanh(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::tanh(x[i]);
}
void vec_erf(float* y, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::erf(x[i]);
}

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/vec_math_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

void vec_exp(View<float, 1> y, View<const float, 1> x) {
  CHECK(y.dim(0) == x.dim(0));
  KERNEL_VERSION(vec_exp)(y.data(), x.data(), x.dim(0));
}
void vec_log(View<float, 1> y, View<const float, 1> x) {
  CHECK(y.dim(0) == x.dim(0));
  KERNEL_VERSION(vec_log)(y.data(), x.data(), x.dim(0));
}
void vec_tanh(View<float, 1> y, View<const float, 1> x) {
  CHECK(y.dim(0) == x.dim(0));
  KERNEL_VERSION(vec_tanh)(y.data(), x.data(), x.dim(0));
}
void vec_erf(View<float, 1> y, View<const float, 1> x) {
  CHECK(y.dim(0) == x.dim(0));
  KERNEL_VERSION(vec_erf)(y.data(), x.data(), x.dim(0));
}

}  // namespace quire
