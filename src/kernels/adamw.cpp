#include "kernels/adamw.h"

#include "kernels/simd_math.h"

#include <cmath>

namespace quire {
namespace {

// The numbers of one step, the same for every element.
struct AdamwFactors {
  float beta1, rest1;  // rest = 1 - beta
  float beta2, rest2;
  float correct1, correct2;  // 1 / (1 - beta^step)
  float rate, eps, weight_decay, gradient_scale;
};

float correction(float beta, int64_t step) {
  return static_cast<float>(1.0 / (1.0 - std::pow(double{beta}, static_cast<double>(step))));
}

}  // namespace

namespace portable {
namespace {

void adamw_n(float* w, float* m, float* v, const float* g, int64_t n, const AdamwFactors& f) {
  for (int64_t i = 0; i < n; ++i) {
    const float gi = f.gradient_scale * g[i];
    m[i] = f.beta1 * m[i] + f.rest1 * gi;
    v[i] = f.beta2 * v[i] + f.rest2 * gi * gi;
    const float direction = m[i] * f.correct1 / (std::sqrt(v[i] * f.correct2) + f.eps);
    w[i] -= f.rate * (direction + f.weight_decay * w[i]);
  }
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/adamw_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

void adamw_step(View<float, 1> w, View<float, 1> m, View<float, 1> v, View<const float, 1> g,
                const Adamw& adamw) {
  const int64_t n = w.dim(0);
  CHECK(m.dim(0) == n && v.dim(0) == n && g.dim(0) == n && adamw.step >= 1);
  const AdamwFactors factors{.beta1 = adamw.beta1,
                             .rest1 = 1.0f - adamw.beta1,
                             .beta2 = adamw.beta2,
                             .rest2 = 1.0f - adamw.beta2,
                             .correct1 = correction(adamw.beta1, adamw.step),
                             .correct2 = correction(adamw.beta2, adamw.step),
                             .rate = adamw.rate,
                             .eps = adamw.eps,
                             .weight_decay = adamw.weight_decay,
                             .gradient_scale = adamw.gradient_scale};
  KERNEL_VERSION(adamw_n)(w.data(), m.data(), v.data(), g.data(), n, factors);
}

}  // namespace quire
