// Operations that keep a state: against their formulas, and cut into pieces.
#include "kernels/causal_conv.h"
#include "kernels/ssm_scan.h"
#include "unit/kernels/support.h"

namespace quire {
namespace {

struct Conv {
  int64_t T, C, W;
  Floats x, w, bias, state;

  Conv(int64_t t, int64_t c, int64_t width)
      : T(t),
        C(c),
        W(width),
        x(random_floats(t * c, 1)),
        w(random_floats(c * width, 2)),
        bias(random_floats(c, 3)),
        state(random_floats((width - 1) * c, 4)) {}

  // Rows [begin, end), channels in two parts.
  void run(Floats& y, int64_t begin, int64_t end, bool starts) {
    const CausalConv conv{.y = rows_of(y, T).part(begin, end),
                          .x = rows_of(std::as_const(x), T).part(begin, end),
                          .w = w.data(),
                          .bias = bias.data(),
                          .state = state.data(),
                          .width = W,
                          .starts = starts};
    causal_conv(conv, C / 2, C);
    causal_conv(conv, 0, C / 2);
  }
};

Doubles formula(const Conv& conv, bool starts) {
  Doubles y(conv.x.size());
  for (int64_t t = 0; t < conv.T; ++t)
    for (int64_t c = 0; c < conv.C; ++c) {
      double sum = static_cast<double>(conv.bias[static_cast<size_t>(c)]);
      for (int64_t j = 0; j < conv.W; ++j) {
        const int64_t row = t - conv.W + 1 + j;
        const float before = starts || row >= 0
                                 ? 0.0f
                                 : conv.state[static_cast<size_t>((row + conv.W - 1) * conv.C + c)];
        const float x = row >= 0 ? conv.x[static_cast<size_t>(row * conv.C + c)] : before;
        sum += static_cast<double>(conv.w[static_cast<size_t>(c * conv.W + j)]) *
               static_cast<double>(x);
      }
      y[static_cast<size_t>(t * conv.C + c)] = sum;
    }
  return y;
}

class CausalConvs : public EachIsa {};
FOR_EACH_ISA(CausalConvs);

TEST_P(CausalConvs, AreTheFormulaWithAndWithoutWhatWasBefore) {
  for (const int64_t channels : odd_sizes)
    for (const int64_t width : {1, 2, 4, 16})
      for (const int64_t n_rows : {1, 3, 20})
        for (const bool starts : {false, true}) {
          Conv conv(n_rows, channels, width);
          const Doubles right = formula(conv, starts);
          Floats y(conv.x.size());
          conv.run(y, 0, n_rows, starts);
          EXPECT_LT(difference(y, right), few_ulp)
              << channels << " channels, width " << width << ", " << n_rows << " rows";
        }
}

TEST_P(CausalConvs, PiecesGiveTheBitsOfTheWhole) {
  for (const int64_t width : {2, 4, 7}) {
    Conv whole(23, 33, width), pieces(23, 33, width);
    Floats y(whole.x.size()), z(whole.x.size());
    whole.run(y, 0, 23, true);
    int64_t begin = 0;
    for (const int64_t n : {1, 1, 2, 9, 3, 1, 6}) {
      pieces.run(z, begin, begin + n, begin == 0);
      begin += n;
    }
    ASSERT_EQ(begin, 23);
    EXPECT_EQ(y, z);
    EXPECT_EQ(whole.state, pieces.state);
  }
}

struct Scan {
  int64_t T, H, P, G, N;
  Floats x, dt, b, c, a, d, dt_bias, state;

  Scan(int64_t t, int64_t h, int64_t p, int64_t g, int64_t n)
      : T(t),
        H(h),
        P(p),
        G(g),
        N(n),
        x(random_floats(t * h * p, 1)),
        dt(random_floats(t * h, 2)),
        b(random_floats(t * g * n, 3)),
        c(random_floats(t * g * n, 4)),
        a(random_floats(h, 5)),
        d(random_floats(h, 6)),
        dt_bias(random_floats(h, 7)),
        state(random_floats(h * n * p, 8)) {
    for (float& v : a) v = -std::exp(v);
  }

  void run(Floats& y, int64_t begin, int64_t end, bool starts) {
    const auto heads = [&](const Floats& v, int64_t n_heads) {
      return heads_of(v, T, n_heads).part(begin, end);
    };
    const SsmScan scan{.y = heads_of(y, T, H).part(begin, end),
                       .x = heads(x, H),
                       .dt = rows_of(std::as_const(dt), T).part(begin, end),
                       .b = heads(b, G),
                       .c = heads(c, G),
                       .a = vector_of(std::as_const(a)),
                       .d = vector_of(std::as_const(d)),
                       .dt_bias = vector_of(std::as_const(dt_bias)),
                       .state = state.data(),
                       .starts = starts};
    for (int64_t h = H; h-- > 0;) ssm_scan(scan, h);
  }
};

double at(const Floats& x, int64_t i) { return static_cast<double>(x[static_cast<size_t>(i)]); }

Doubles formula(const Scan& s, bool starts) {
  Doubles y(s.x.size()), state(s.state.size());
  if (!starts) state.assign(s.state.begin(), s.state.end());
  for (int64_t t = 0; t < s.T; ++t)
    for (int64_t h = 0; h < s.H; ++h) {
      const int64_t g = h / (s.H / s.G);
      const double delta = std::log1p(std::exp(at(s.dt, t * s.H + h) + at(s.dt_bias, h)));
      for (int64_t p = 0; p < s.P; ++p) {
        const double x = at(s.x, (t * s.H + h) * s.P + p);
        double sum = at(s.d, h) * x;
        for (int64_t n = 0; n < s.N; ++n) {
          double& v = state[static_cast<size_t>((h * s.N + n) * s.P + p)];
          v = v * std::exp(delta * at(s.a, h)) + delta * at(s.b, (t * s.G + g) * s.N + n) * x;
          sum += at(s.c, (t * s.G + g) * s.N + n) * v;
        }
        y[static_cast<size_t>((t * s.H + h) * s.P + p)] = sum;
      }
    }
  return y;
}

class SsmScans : public EachIsa {};
FOR_EACH_ISA(SsmScans);

TEST_P(SsmScans, AreTheFormulaWithAndWithoutWhatWasBefore) {
  for (const int64_t width : odd_sizes)
    for (const int64_t n_state : {1, 16, 37})
      for (const bool starts : {false, true}) {
        Scan scan(9, 4, width, 2, n_state);
        const Doubles right = formula(scan, starts);
        Floats y(scan.x.size());
        scan.run(y, 0, 9, starts);
        EXPECT_LT(difference(y, right), rounding_of_sums) << width << " by " << n_state;
      }
}

TEST_P(SsmScans, PiecesGiveTheBitsOfTheWhole) {
  Scan whole(14, 3, 40, 1, 20), pieces(14, 3, 40, 1, 20);
  Floats y(whole.x.size()), z(whole.x.size());
  whole.run(y, 0, 14, true);
  for (const int64_t begin : {0, 1, 5, 6}) {
    const int64_t end = begin == 0 ? 1 : begin == 1 ? 5 : begin == 5 ? 6 : 14;
    pieces.run(z, begin, end, begin == 0);
  }
  EXPECT_EQ(y, z);
  EXPECT_EQ(whole.state, pieces.state);
}

TEST_P(SsmScans, AreFiniteWhereTheStepIsLong) {
  Scan scan(3, 1, 8, 1, 4);
  for (float& v : scan.dt) v = 200;  // e^200 is more than a float holds
  Floats y(scan.x.size());
  scan.run(y, 0, 3, true);
  for (const float v : y) EXPECT_TRUE(std::isfinite(v));
}

}  // namespace
}  // namespace quire
