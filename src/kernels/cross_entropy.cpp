// The passes over a row are those of softmax, in all their versions.
#include "kernels/cross_entropy.h"

#include "kernels/softmax_rows.h"

#include <algorithm>
#include <cmath>

namespace quire {

void cross_entropy(View<float, 1> loss, Rows<const float> logits, View<const int32_t, 1> targets) {
  CHECK(loss.dim(0) == logits.n && targets.dim(0) == logits.n);
  const SoftmaxPasses passes = softmax_passes();
  for (int64_t t = 0; t < logits.n; ++t) {
    const int64_t target = targets(t);
    CHECK(target >= -1 && target < logits.width);
    loss(t) = 0;
    if (target < 0) continue;
    const float* x = logits.row(t);
    const float m = passes.row_max(x, logits.width);
    loss(t) = std::log(passes.sum_exp_row(x, m, logits.width)) + (m - x[target]);
  }
}

void cross_entropy_backward(Rows<float> dlogits, View<float, 1> loss, Rows<const float> logits,
                            View<const int32_t, 1> targets, float scale) {
  CHECK(same_shape(dlogits, logits) && loss.dim(0) == logits.n && targets.dim(0) == logits.n);
  const SoftmaxPasses passes = softmax_passes();
  for (int64_t t = 0; t < logits.n; ++t) {
    const int64_t target = targets(t);
    CHECK(target >= -1 && target < logits.width);
    float* dx = dlogits.row(t);
    loss(t) = 0;
    if (target < 0) {
      std::fill_n(dx, logits.width, 0.0f);
      continue;
    }
    const float* x = logits.row(t);
    const float m = passes.row_max(x, logits.width);
    const float above = m - x[target];  // before dx, which may be x, is written
    const float sum = passes.exp_row(dx, x, m, logits.width);
    loss(t) = std::log(sum) + above;
    passes.scale_row(dx, scale / sum, logits.width);
    dx[target] -= scale;
  }
}

}  // namespace quire
