#include "kernels/heads.h"

#include <algorithm>

namespace quire {

void slice_heads(Heads<float> y, Heads<const float> x, int64_t begin) {
  CHECK(y.n == x.n && y.n_heads == x.n_heads && begin >= 0 && begin + y.width <= x.width);
  for (int64_t t = 0; t < x.n; ++t)
    for (int64_t h = 0; h < x.n_heads; ++h)
      std::copy_n(x.head(t, h) + begin, y.width, y.head(t, h));
}

void join_heads(Heads<float> y, Heads<const float> a, Heads<const float> b) {
  CHECK(y.n == a.n && y.n == b.n && y.n_heads == a.n_heads && y.width == a.width + b.width);
  CHECK(b.n_heads == a.n_heads || b.n_heads == 1);
  for (int64_t t = 0; t < y.n; ++t)
    for (int64_t h = 0; h < y.n_heads; ++h) {
      std::copy_n(a.head(t, h), a.width, y.head(t, h));
      std::copy_n(b.head(t, b.n_heads == 1 ? 0 : h), b.width, y.head(t, h) + a.width);
    }
}

}  // namespace quire
