#include "kernels/ssm_scan.h"

#include "kernels/simd_math.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

// What a token does to the state of a head.
struct Token {
  float delta, decay;
};
Token token_at(const SsmScan& scan, int64_t t, int64_t head) {
  const float raw = scan.dt.row(t)[head] + scan.dt_bias(head);
  const float delta = raw > 20 ? raw : std::log1p(std::exp(raw));
  return {delta, std::exp(delta * scan.a(head))};
}
int64_t group_of(const SsmScan& scan, int64_t head) {
  return head / (scan.x.n_heads / scan.b.n_heads);
}

}  // namespace

namespace portable {
namespace {

void scan_head(const SsmScan& scan, int64_t head, float* state) {
  const int64_t N = scan.b.width, P = scan.x.width, g = group_of(scan, head);
  for (int64_t t = 0; t < scan.x.n; ++t) {
    const Token token = token_at(scan, t, head);
    const float *x = scan.x.head(t, head), *b = scan.b.head(t, g), *c = scan.c.head(t, g);
    for (int64_t p = 0; p < P; ++p) {
      double sum = double{scan.d(head)} * double{x[p]};
      for (int64_t n = 0; n < N; ++n) {
        float& s = state[n * P + p];
        s = s * token.decay + token.delta * x[p] * b[n];
        sum += double{c[n]} * double{s};
      }
      scan.y.head(t, head)[p] = static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/ssm_scan_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

void ssm_scan(const SsmScan& scan, int64_t head) {
  const int64_t H = scan.x.n_heads, N = scan.b.width, P = scan.x.width;
  CHECK(same_shape(scan.y, scan.x) && same_shape(scan.b, scan.c) && H % scan.b.n_heads == 0);
  CHECK(scan.dt.n == scan.x.n && scan.dt.width == H && scan.b.n == scan.x.n);
  CHECK(scan.a.dim(0) == H && scan.d.dim(0) == H && scan.dt_bias.dim(0) == H);
  CHECK(head >= 0 && head < H);
  float* state = scan.state + head * N * P;
  if (scan.starts) std::fill_n(state, N * P, 0.0f);
  KERNEL_VERSION(scan_head)(scan, head, state);
}

}  // namespace quire
