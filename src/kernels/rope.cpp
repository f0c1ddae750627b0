#include "kernels/rope.h"

#include "kernels/simd_math.h"

#include <cmath>

namespace quire::portable {
namespace {

// sign: 1 turns by the angles of the table, -1 back.
void rope_head(float* y, const float* x, const float* cosines, const float* sines, float sign,
               int64_t n_pairs, RopePairs pairs, Output output) {
  for (int64_t i = 0; i < n_pairs; ++i) {
    const int64_t first = pairs == RopePairs::halves ? i : 2 * i;
    const int64_t second = pairs == RopePairs::halves ? i + n_pairs : 2 * i + 1;
    const float a = x[first], b = x[second], c = cosines[i], s = sign * sines[i];
    const bool added = output == Output::add;
    y[first] = (added ? y[first] : 0.0f) + (a * c - b * s);
    y[second] = (added ? y[second] : 0.0f) + (a * s + b * c);
  }
}

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/rope_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

void rope_frequencies(View<double, 1> frequencies, double base) {
  const int64_t n = frequencies.dim(0);
  CHECK(base > 0);
  for (int64_t i = 0; i < n; ++i)
    frequencies(i) = std::pow(base, -static_cast<double>(i) / static_cast<double>(n));
}

void rope_table(Rows<float> table, View<const int32_t, 1> positions,
                View<const double, 1> frequencies, float magnitude) {
  const int64_t n = frequencies.dim(0);
  CHECK(table.n == positions.dim(0) && table.width == 2 * n);
  for (int64_t t = 0; t < table.n; ++t) {
    float* row = table.row(t);
    for (int64_t i = 0; i < n; ++i) {
      const double angle = static_cast<double>(positions(t)) * frequencies(i);
      row[i] = static_cast<float>(std::cos(angle) * double{magnitude});
      row[n + i] = static_cast<float>(std::sin(angle) * double{magnitude});
    }
  }
}

void rope(Heads<float> y, Heads<const float> x, Rows<const float> table, RopePairs pairs,
          RopeTurn turn, Output output) {
  CHECK(same_shape(y, x) && table.n == x.n && table.width % 2 == 0 && table.width <= x.width);
  const auto kernel = KERNEL_VERSION(rope_head);
  const int64_t n = table.width / 2;
  const float sign = turn == RopeTurn::forward ? 1.0f : -1.0f;
  for (int64_t t = 0; t < x.n; ++t) {
    const float* cosines = table.row(t);
    for (int64_t h = 0; h < x.n_heads; ++h) {
      const float* from = x.head(t, h);
      float* to = y.head(t, h);
      kernel(to, from, cosines, cosines + n, sign, n, pairs, output);
      for (int64_t i = 2 * n; i < x.width; ++i)
        to[i] = (output == Output::add ? to[i] : 0.0f) + from[i];
    }
  }
}

}  // namespace quire
