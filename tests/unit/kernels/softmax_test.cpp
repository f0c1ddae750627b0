#include "kernels/softmax.h"

#include "kernels/cross_entropy.h"
#include "unit/kernels/support.h"

#include <limits>

namespace quire {
namespace {

Doubles softmax_formula(const Doubles& x, size_t width) {
  Doubles y(x.size());
  for (size_t t = 0; t < x.size() / width; ++t) {
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += y[t * width + i] = std::exp(x[t * width + i]);
    for (size_t i = 0; i < width; ++i) y[t * width + i] /= sum;
  }
  return y;
}

class Softmax : public EachIsa {};
FOR_EACH_ISA(Softmax);

TEST_P(Softmax, IsTheFormulaWithItsLogarithm) {
  for (const int64_t n : odd_sizes) {
    const Floats x = random_floats(3 * n, 1, 5);
    Floats y(x.size()), lse(3);
    softmax(rows_of(y, 3), rows_of(x, 3));
    const Doubles right = softmax_formula(as_doubles(x), static_cast<size_t>(n));
    EXPECT_LE(difference(y, right), few_ulp) << n;
    log_sum_exp(vector_of(lse), rows_of(x, 3));
    for (size_t t = 0; t < 3; ++t) {
      const size_t first = t * static_cast<size_t>(n);
      EXPECT_NEAR(lse[t], static_cast<double>(x[first]) - std::log(right[first]), 1e-5);
    }
    Floats in_place(x);
    softmax(rows_of(in_place, 3), rows_of(in_place, 3));
    EXPECT_EQ(in_place, y);
  }
}

TEST_P(Softmax, WorksAtTheEndsOfTheRange) {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats x{1e30f, 0, -inf, -1e30f, 1e30f}, none(5, -inf);
  Floats y(5), lse(1);
  softmax(rows_of(y, 1), rows_of(x, 1));
  EXPECT_EQ(y, (Floats{0.5f, 0, 0, 0, 0.5f}));
  softmax(rows_of(y, 1), rows_of(none, 1));
  EXPECT_EQ(y, Floats(5));
  log_sum_exp(vector_of(lse), rows_of(none, 1));
  EXPECT_EQ(lse[0], -inf);
}

TEST_P(Softmax, GradientMatchesDifferences) {
  const Floats x = random_floats(2 * 19, 1), dy = random_floats(2 * 19, 2);
  const Floats old = random_floats(2 * 19, 3);
  Floats y(x.size()), dx(x.size()), added(old);
  softmax(rows_of(y, 2), rows_of(x, 2));
  softmax_backward(rows_of(dx, 2), rows_of(dy, 2), rows_of(y, 2), Output::write);
  softmax_backward(rows_of(added, 2), rows_of(dy, 2), rows_of(y, 2), Output::add);
  const Doubles numeric = numeric_gradient(
      [&](const Doubles& v) { return dot(softmax_formula(v, 19), dy); }, as_doubles(x));
  EXPECT_LE(difference(dx, numeric), few_ulp);
  EXPECT_LE(difference(added, sum_of(old, dx)), few_ulp);
}

TEST_P(Softmax, CrossEntropyAndItsGradientMatchTheFormulaAndDifferences) {
  for (const int64_t n : {1, 3, 16, 17, 33, 100}) {
    const Floats x = random_floats(4 * n, 1, 3);
    const std::vector<int32_t> targets{0, static_cast<int32_t>(n - 1), -1,
                                       static_cast<int32_t>(n / 2)};
    Floats loss(4), loss2(4), dx(x.size()), in_place(x);
    cross_entropy(vector_of(loss), rows_of(x, 4), vector_of(targets));
    cross_entropy_backward(rows_of(dx, 4), vector_of(loss2), rows_of(x, 4), vector_of(targets),
                           0.5f);
    const auto total = [&](const Doubles& v) {
      const Doubles p = softmax_formula(v, static_cast<size_t>(n));
      double sum = 0;
      for (size_t t = 0; t < 4; ++t)
        if (targets[t] >= 0)
          sum -= std::log(p[t * static_cast<size_t>(n) + static_cast<size_t>(targets[t])]);
      return 0.5 * sum;
    };
    EXPECT_EQ(loss[2], 0);
    EXPECT_EQ(loss, loss2);
    EXPECT_NEAR(0.5 * (static_cast<double>(loss[0] + loss[1]) + static_cast<double>(loss[3])),
                total(as_doubles(x)), 1e-5);
    EXPECT_LE(difference(dx, numeric_gradient(total, as_doubles(x))), few_ulp);
    cross_entropy_backward(rows_of(in_place, 4), vector_of(loss2), rows_of(in_place, 4),
                           vector_of(targets), 0.5f);
    EXPECT_EQ(in_place, dx);
    EXPECT_EQ(loss, loss2);
  }
}

}  // namespace
}  // namespace quire
