// The passes over a row that softmax and cross-entropy share, in the version to use now. Only for
// kernel files.
#pragma once
#include "kernels/rows.h"

namespace quire {

struct SoftmaxPasses {
  float (*row_max)(const float* x, int64_t n);  // -infinity when n is 0
  // y = e^(x - offset), and the sum of them. y may be x.
  float (*exp_row)(float* y, const float* x, float offset, int64_t n);
  float (*sum_exp_row)(const float* x, float offset, int64_t n);
  void (*scale_row)(float* y, float factor, int64_t n);
};
SoftmaxPasses softmax_passes();

}  // namespace quire
