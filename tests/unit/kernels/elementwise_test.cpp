#include "kernels/elementwise.h"

#include "kernels/adamw.h"
#include "kernels/embed.h"
#include "kernels/vec_math.h"
#include "quant/codec.h"
#include "unit/kernels/support.h"

#include <limits>

namespace quire {
namespace {

class VectorMath : public EachIsa {};
FOR_EACH_ISA(VectorMath);

double ulp_of(double value) { return std::ldexp(1.0, std::ilogb(value) - 23); }

TEST_P(VectorMath, ExpIsWithinItsBound) {
  Floats x;
  for (double v = -87.3; v < 88.7; v += 0.0017) x.push_back(static_cast<float>(v));
  Floats y(x.size());
  vec_exp(vector_of(y), vector_of(x));
  for (size_t i = 0; i < x.size(); ++i) {
    const double right = std::exp(static_cast<double>(x[i]));
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - right), 1.5 * ulp_of(right)) << x[i];
  }
}

TEST_P(VectorMath, LogIsWithinItsBound) {
  Floats x;
  for (double v = -87; v < 88; v += 0.0023) x.push_back(static_cast<float>(std::exp(v)));
  for (double v = 0.5; v < 2; v += 0.00002) x.push_back(static_cast<float>(v));
  Floats y(x.size());
  vec_log(vector_of(y), vector_of(x));
  for (size_t i = 0; i < x.size(); ++i) {
    const double right = std::log(static_cast<double>(x[i]));
    if (right == 0) {
      ASSERT_EQ(y[i], 0);
      continue;
    }
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - right), 2 * ulp_of(right)) << x[i];
  }
}

TEST_P(VectorMath, TanhAndErfAreWithinTheirBounds) {
  Floats x;
  for (double v = -12; v < 12; v += 0.0007) x.push_back(static_cast<float>(v));
  for (double v = 1e-30; v < 1; v *= 1.7) x.push_back(static_cast<float>(v));
  Floats y(x.size()), z(x.size());
  vec_tanh(vector_of(y), vector_of(x));
  vec_erf(vector_of(z), vector_of(x));
  for (size_t i = 0; i < x.size(); ++i) {
    const double t = std::tanh(static_cast<double>(x[i])), e = std::erf(static_cast<double>(x[i]));
    ASSERT_LE(std::abs(static_cast<double>(y[i]) - t), std::min(2e-7, 1e-6 * std::abs(t))) << x[i];
    ASSERT_LE(std::abs(static_cast<double>(z[i]) - e), std::min(2e-7, 1e-6 * std::abs(e))) << x[i];
  }
}

TEST_P(VectorMath, SpecialValuesKeepTheirMeaning) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
  const Floats x{inf, -inf, nan, 0.0f, -1.0f, 200.0f, -200.0f};
  Floats y(x.size());
  vec_exp(vector_of(y), vector_of(x));
  EXPECT_EQ(y[0], inf);
  EXPECT_EQ(y[1], 0.0f);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[3], 1.0f);
  EXPECT_EQ(y[5], inf);
  EXPECT_EQ(y[6], 0.0f);
  vec_log(vector_of(y), vector_of(x));
  EXPECT_EQ(y[0], inf);
  EXPECT_TRUE(std::isnan(y[1]) && std::isnan(y[2]) && std::isnan(y[4]));
  EXPECT_EQ(y[3], -inf);
  for (const auto f : {vec_tanh, vec_erf}) {
    f(vector_of(y), vector_of(x));
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(y[1], -1.0f);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 0.0f);
  }
}

TEST_P(VectorMath, AnElementGivesTheSameWhereverItStands) {
  for (const auto f : {vec_exp, vec_tanh, vec_erf}) {
    const Floats x = random_floats(70, 5, 2);
    Floats whole(x.size());
    f(vector_of(whole), vector_of(x));
    for (size_t i = 0; i < x.size(); ++i) {
      const Floats one{x[i]};
      Floats y(1);
      f(vector_of(y), vector_of(one));
      ASSERT_EQ(y[0], whole[i]) << i;
    }
  }
}

class Elementwise : public EachIsa {};
FOR_EACH_ISA(Elementwise);

TEST_P(Elementwise, ArithmeticIsThatOfTheFormulas) {
  for (const int64_t n : odd_sizes) {
    const Floats a = random_floats(3 * n, 1), b = random_floats(3 * n, 2),
                 row = random_floats(n, 3);
    Floats y(a.size()), right(a.size());
    const auto check = [&](const char* what, auto formula) {
      for (size_t i = 0; i < a.size(); ++i) right[i] = formula(i);
      EXPECT_LE(difference(y, right), few_ulp) << what << " of " << n;
    };
    add(rows_of(y, 3), rows_of(a, 3), rows_of(b, 3));
    check("add", [&](size_t i) { return a[i] + b[i]; });
    multiply(rows_of(y, 3), rows_of(a, 3), rows_of(b, 3));
    check("multiply", [&](size_t i) { return a[i] * b[i]; });
    scale(rows_of(y, 3), rows_of(a, 3), 0.7f);
    check("scale", [&](size_t i) { return 0.7f * a[i]; });
    y = b;
    add_scaled(rows_of(y, 3), rows_of(a, 3), -1.5f);
    check("add_scaled", [&](size_t i) { return b[i] - 1.5f * a[i]; });
    add_row(rows_of(y, 3), rows_of(a, 3), vector_of(row));
    check("add_row", [&](size_t i) { return a[i] + row[i % row.size()]; });
    clamp(rows_of(y, 3), rows_of(a, 3), -0.5f, 0.7f, 1.0f);
    check("clamp", [&](size_t i) { return std::clamp(a[i], -0.5f, 0.7f) + 1.0f; });
    softcap(rows_of(y, 3), rows_of(a, 3), 1.3f);
    check("softcap", [&](size_t i) { return 1.3f * std::tanh(a[i] / 1.3f); });
    copy(rows_of(y, 3), rows_of(a, 3));
    check("copy", [&](size_t i) { return a[i]; });
    fill(vector_of(y), 2.5f);
    check("fill", [&](size_t) { return 2.5f; });
  }
}

TEST_P(Elementwise, StridedRowsLeaveWhatLiesBetweenThemAlone) {
  const int64_t n = 21;
  const Floats a = random_floats(4 * n, 1), b = random_floats(4 * n, 2);
  Floats wide(4 * 30, 7.0f);
  add(Rows<float>(wide.data() + 5, 4, n, 30), rows_of(a, 4), rows_of(b, 4));
  for (size_t i = 0; i < wide.size(); ++i) {
    const size_t row = i / 30, column = i % 30;
    const bool inside = column >= 5 && column < 5 + n;
    const size_t at = row * n + (column - 5);
    ASSERT_EQ(wide[i], inside ? a[at] + b[at] : 7.0f) << i;
  }
}

TEST_P(Elementwise, ProductAndSoftcapGradientsMatchDifferences) {
  const Floats a = random_floats(37, 1), b = random_floats(37, 2), dy = random_floats(37, 3);
  const Floats old = random_floats(37, 4);
  Floats da(old), db(old), y(a.size()), dx(a.size());
  multiply_backward(rows_of(da, 1), rows_of(db, 1), rows_of(dy, 1), rows_of(a, 1), rows_of(b, 1),
                    Output::add);
  Floats right_a(old), right_b(old);
  for (size_t i = 0; i < a.size(); ++i) {
    right_a[i] += dy[i] * b[i];
    right_b[i] += dy[i] * a[i];
  }
  EXPECT_LE(difference(da, right_a), few_ulp);
  EXPECT_LE(difference(db, right_b), few_ulp);

  softcap(rows_of(y, 1), rows_of(a, 1), 0.8f);
  softcap_backward(rows_of(dx, 1), rows_of(dy, 1), rows_of(y, 1), 0.8f, Output::write);
  const Doubles numeric = numeric_gradient(
      [&](const Doubles& x) {
        Doubles capped(x);
        for (double& v : capped) v = 0.8 * std::tanh(v / 0.8);
        return dot(capped, dy);
      },
      as_doubles(a));
  EXPECT_LE(difference(dx, numeric), few_ulp);
}

TEST_P(Elementwise, ColumnSumsDoNotDependOnTheSplit) {
  const Floats dy = random_floats(150 * 45, 1), old = random_floats(45, 2);
  Floats whole(old), parts(old);
  sum_rows(vector_of(whole), 0, 45, rows_of(dy, 150), Output::add);
  for (int64_t begin = 0; begin < 45; begin += 7)
    sum_rows(vector_of(parts), begin, std::min<int64_t>(45, begin + 7), rows_of(dy, 150),
             Output::add);
  EXPECT_EQ(whole, parts);
  Doubles right = as_doubles(old);
  for (size_t i = 0; i < dy.size(); ++i) right[i % 45] += static_cast<double>(dy[i]);
  EXPECT_LE(difference(whole, right), rounding_of_sums);
}

TEST_P(Elementwise, SumOfSquaresIsTheSumOfItsChunks) {
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{17}, 2 * sum_of_squares_chunk + 5}) {
    const Floats x = random_floats(n, 1);
    double right = 0, chunks = 0;
    for (const float v : x) right += static_cast<double>(v) * static_cast<double>(v);
    for (int64_t c = 0; c < sum_of_squares_chunks(n); ++c)
      chunks += sum_of_squares_of_chunk(vector_of(x), c);
    EXPECT_NEAR(sum_of_squares(vector_of(x)), right, 1e-6 * right);
    EXPECT_EQ(sum_of_squares(vector_of(x)), chunks);
  }
}

class AdamwStep : public EachIsa {};
FOR_EACH_ISA(AdamwStep);

TEST_P(AdamwStep, FollowsTheFormula) {
  for (const int64_t n : odd_sizes) {
    Floats w = random_floats(n, 1), m(w.size()), v(w.size());
    Doubles rw = as_doubles(w), rm(w.size()), rv(w.size());
    const double b1 = 0.9, b2 = 0.95, rate = 0.01, decay = 0.1, eps = 1e-8, clip = 0.5;
    for (int step = 1; step <= 4; ++step) {
      const Floats g = random_floats(n, static_cast<uint64_t>(10 + step));
      adamw_step(vector_of(w), vector_of(m), vector_of(v), vector_of(g),
                 {.rate = 0.01f, .weight_decay = 0.1f, .gradient_scale = 0.5f, .step = step});
      for (size_t i = 0; i < rw.size(); ++i) {
        const double gi = clip * static_cast<double>(g[i]);
        rm[i] = b1 * rm[i] + (1 - b1) * gi;
        rv[i] = b2 * rv[i] + (1 - b2) * gi * gi;
        const double direction =
            rm[i] / (1 - std::pow(b1, step)) / (std::sqrt(rv[i] / (1 - std::pow(b2, step))) + eps);
        rw[i] -= rate * (direction + decay * rw[i]);
      }
    }
    EXPECT_LE(difference(w, rw), few_ulp);
    EXPECT_LE(difference(m, rm), few_ulp);
    EXPECT_LE(difference(v, rv), few_ulp);
  }
}

TEST_P(AdamwStep, DoesNotDependOnTheSplit) {
  const Floats g = random_floats(101, 2);
  Floats w = random_floats(101, 1), m(101), v(101), w2(w), m2(m), v2(v);
  const Adamw adamw{.rate = 0.1f, .weight_decay = 0.01f, .step = 2};
  adamw_step(vector_of(w), vector_of(m), vector_of(v), vector_of(g), adamw);
  for (int64_t i = 0; i < 101; i += 13) {
    const int64_t n = std::min<int64_t>(13, 101 - i);
    adamw_step(View<float, 1>(w2.data() + i, n), View<float, 1>(m2.data() + i, n),
               View<float, 1>(v2.data() + i, n), View<const float, 1>(g.data() + i, n), adamw);
  }
  EXPECT_EQ(w, w2);
  EXPECT_EQ(m, m2);
  EXPECT_EQ(v, v2);
}

class Embed : public EachIsa {};
FOR_EACH_ISA(Embed);

TEST_P(Embed, TakesRowsOfAnyStorageType) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0}) {
    const Floats values = random_floats(5 * 64, 1);
    Tensor table(dtype, Shape{5, 64});
    codec(dtype)->encode(values.data(), table.data(), 5 * 64);
    const std::vector<int32_t> ids{4, 0, 4};
    Floats y(3 * 64), right(64);
    embed(rows_of(y, 3), table.view(), vector_of(ids));
    for (size_t t = 0; t < 3; ++t) {
      codec(dtype)->decode(table.view().row(ids[t]), right.data(), 64);
      EXPECT_EQ(Floats(y.begin() + static_cast<int64_t>(t) * 64,
                       y.begin() + static_cast<int64_t>(t + 1) * 64),
                right);
    }
  }
}

TEST_P(Embed, BackwardAddsEveryRowToItsIdWhateverTheSplit) {
  const int64_t width = 37;
  const Floats dy = random_floats(6 * width, 1), old = random_floats(4 * width, 2);
  const std::vector<int32_t> ids{3, 1, 3, 3, 0, 1};
  Floats whole(old), parts(old), right(old);
  embed_backward(rows_of(whole, 4), 0, width, rows_of(dy, 6), vector_of(ids));
  for (int64_t d = 0; d < width; d += 10)
    embed_backward(rows_of(parts, 4), d, std::min(width, d + 10), rows_of(dy, 6), vector_of(ids));
  for (size_t t = 0; t < ids.size(); ++t)
    for (size_t d = 0; d < static_cast<size_t>(width); ++d)
      right[static_cast<size_t>(ids[t] * width) + d] += dy[t * static_cast<size_t>(width) + d];
  EXPECT_EQ(whole, right);
  EXPECT_EQ(parts, right);
}

}  // namespace
}  // namespace quire
