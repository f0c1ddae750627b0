#include "kernels/causal_conv.h"

#include "kernels/simd_math.h"

#include <algorithm>

namespace quire {
namespace {

// Row t of the input, which goes on before row 0 in the state.
const float* input_row(const CausalConv& conv, int64_t t) {
  return t >= 0 ? conv.x.row(t) : conv.state + (t + conv.width - 1) * conv.x.width;
}

}  // namespace

namespace portable {
namespace {

void conv_channels(const CausalConv& conv, int64_t begin, int64_t end) {
  const int64_t W = conv.width;
  for (int64_t t = 0; t < conv.x.n; ++t)
    for (int64_t c = begin; c < end; ++c) {
      double sum = conv.bias != nullptr ? double{conv.bias[c]} : 0.0;
      for (int64_t j = 0; j < W; ++j)
        sum += double{conv.w[c * W + j]} * double{input_row(conv, t - W + 1 + j)[c]};
      conv.y.row(t)[c] = static_cast<float>(sum);
    }
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/causal_conv_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

void causal_conv(const CausalConv& conv, int64_t begin, int64_t end) {
  const int64_t W = conv.width, C = conv.x.width;
  CHECK(same_shape(conv.y, conv.x) && W >= 1 && W <= conv_width_max);
  CHECK(begin >= 0 && begin <= end && end <= C);
  for (int64_t i = 0; conv.starts && i < W - 1; ++i)
    std::fill(conv.state + i * C + begin, conv.state + i * C + end, 0.0f);
  KERNEL_VERSION(conv_channels)(conv, begin, end);
  for (int64_t i = 0; i < W - 1; ++i) {  // what was row T - (W - 1) + i
    const float* row = input_row(conv, conv.x.n - (W - 1) + i);
    std::copy(row + begin, row + end, conv.state + i * C + begin);
  }
}

}  // namespace quire
