#include "kernels/norm.h"

#include "unit/kernels/support.h"

namespace quire {
namespace {

constexpr float eps = 1e-3f;

Doubles rms_formula(const Doubles& x, const Doubles& w) {
  const size_t d = w.size();
  Doubles y(x.size());
  for (size_t t = 0; t < x.size() / d; ++t) {
    double squares = 0;
    for (size_t i = 0; i < d; ++i) squares += x[t * d + i] * x[t * d + i];
    const double r = 1 / std::sqrt(squares / static_cast<double>(d) + static_cast<double>(eps));
    for (size_t i = 0; i < d; ++i) y[t * d + i] = x[t * d + i] * r * w[i];
  }
  return y;
}

Doubles layer_formula(const Doubles& x, const Doubles& w, const Doubles& b) {
  const size_t d = w.size();
  const double n = static_cast<double>(d);
  Doubles y(x.size());
  for (size_t t = 0; t < x.size() / d; ++t) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < d; ++i) sum += x[t * d + i];
    for (size_t i = 0; i < d; ++i) squares += std::pow(x[t * d + i] - sum / n, 2);
    const double r = 1 / std::sqrt(squares / n + static_cast<double>(eps));
    for (size_t i = 0; i < d; ++i) y[t * d + i] = (x[t * d + i] - sum / n) * r * w[i] + b[i];
  }
  return y;
}

class Norms : public EachIsa {};
FOR_EACH_ISA(Norms);

TEST_P(Norms, AreTheFormulas) {
  for (const int64_t d : odd_sizes) {
    const Floats x = random_floats(3 * d, 1), w = random_floats(d, 2), b = random_floats(d, 3);
    const Floats residual = random_floats(3 * d, 4);
    Floats y(x.size()), z(x.size()), sum(x.size()), added(x.size());
    rms_norm(rows_of(y, 3), rows_of(x, 3), vector_of(w), eps);
    EXPECT_LE(difference(y, rms_formula(as_doubles(x), as_doubles(w))), rounding_of_sums) << d;
    layer_norm(rows_of(z, 3), rows_of(x, 3), vector_of(w), vector_of(b), eps);
    EXPECT_LE(difference(z, layer_formula(as_doubles(x), as_doubles(w), as_doubles(b))),
              rounding_of_sums)
        << d;
    add_rms_norm(rows_of(added, 3), rows_of(sum, 3), rows_of(x, 3), rows_of(residual, 3),
                 vector_of(w), eps);
    EXPECT_EQ(sum, sum_of(x, residual));
    EXPECT_LE(difference(added, rms_formula(as_doubles(sum), as_doubles(w))), rounding_of_sums);
  }
}

TEST_P(Norms, LayerNormWorksWithoutABias) {
  const Floats x = random_floats(2 * 21, 1), w = random_floats(21, 2);
  Floats y(x.size());
  layer_norm(rows_of(y, 2), rows_of(x, 2), vector_of(w), View<const float, 1>(), eps);
  EXPECT_LE(difference(y, layer_formula(as_doubles(x), as_doubles(w), Doubles(21))),
            rounding_of_sums);
}

TEST_P(Norms, RmsNormGradientsMatchDifferences) {
  for (const int64_t d : {int64_t{1}, int64_t{5}, int64_t{16}, int64_t{33}}) {
    const Floats x = random_floats(4 * d, 1), w = random_floats(d, 2), dy = random_floats(4 * d, 3);
    const Floats old_x = random_floats(4 * d, 4), old_w = random_floats(d, 5);
    Floats dx(x.size()), dw(w.size()), r(4), dx_added(old_x), dw_added(old_w);
    rms_norm_backward_x(rows_of(dx, 4), vector_of(r), rows_of(dy, 4), rows_of(x, 4), vector_of(w),
                        eps, Output::write);
    rms_norm_backward_w(vector_of(dw), 0, d, rows_of(dy, 4), rows_of(x, 4), vector_of(r),
                        Output::write);
    const Doubles numeric_x = numeric_gradient(
        [&](const Doubles& v) { return dot(rms_formula(v, as_doubles(w)), dy); }, as_doubles(x));
    const Doubles numeric_w = numeric_gradient(
        [&](const Doubles& v) { return dot(rms_formula(as_doubles(x), v), dy); }, as_doubles(w));
    EXPECT_LE(difference(dx, numeric_x), rounding_of_sums) << d;
    EXPECT_LE(difference(dw, numeric_w), rounding_of_sums) << d;
    rms_norm_backward_x(rows_of(dx_added, 4), vector_of(r), rows_of(dy, 4), rows_of(x, 4),
                        vector_of(w), eps, Output::add);
    rms_norm_backward_w(vector_of(dw_added), 0, d, rows_of(dy, 4), rows_of(x, 4), vector_of(r),
                        Output::add);
    EXPECT_LE(difference(dx_added, sum_of(old_x, dx)), few_ulp);
    EXPECT_LE(difference(dw_added, sum_of(old_w, dw)), few_ulp);
  }
}

TEST_P(Norms, LayerNormGradientsMatchDifferences) {
  for (const int64_t d : {int64_t{2}, int64_t{5}, int64_t{16}, int64_t{33}}) {
    const Floats x = random_floats(4 * d, 1), w = random_floats(d, 2), dy = random_floats(4 * d, 3);
    const Floats b = random_floats(d, 6), old_x = random_floats(4 * d, 4);
    Floats dx(x.size()), dw(w.size()), db(w.size()), mean(4), r(4), dx_added(old_x);
    layer_norm_backward_x(rows_of(dx, 4), vector_of(mean), vector_of(r), rows_of(dy, 4),
                          rows_of(x, 4), vector_of(w), eps, Output::write);
    layer_norm_backward_wb(vector_of(dw), vector_of(db), 0, d, rows_of(dy, 4), rows_of(x, 4),
                           vector_of(mean), vector_of(r), Output::write);
    const auto loss = [&](const Doubles& vx, const Doubles& vw, const Doubles& vb) {
      return dot(layer_formula(vx, vw, vb), dy);
    };
    const Doubles dx_right = numeric_gradient(
        [&](const Doubles& v) { return loss(v, as_doubles(w), as_doubles(b)); }, as_doubles(x));
    const Doubles dw_right = numeric_gradient(
        [&](const Doubles& v) { return loss(as_doubles(x), v, as_doubles(b)); }, as_doubles(w));
    const Doubles db_right = numeric_gradient(
        [&](const Doubles& v) { return loss(as_doubles(x), as_doubles(w), v); }, as_doubles(b));
    EXPECT_LE(difference(dx, dx_right), 2 * rounding_of_sums) << d;
    EXPECT_LE(difference(dw, dw_right), rounding_of_sums) << d;
    EXPECT_LE(difference(db, db_right), rounding_of_sums) << d;
    layer_norm_backward_x(rows_of(dx_added, 4), vector_of(mean), vector_of(r), rows_of(dy, 4),
                          rows_of(x, 4), vector_of(w), eps, Output::add);
    EXPECT_LE(difference(dx_added, sum_of(old_x, dx)), few_ulp);
  }
}

TEST_P(Norms, ResultsDoNotDependOnTheSplit) {
  const int64_t n = 130, d = 37;
  const Floats x = random_floats(n * d, 1), w = random_floats(d, 2), dy = random_floats(n * d, 3);
  Floats y(x.size()), y_parts(x.size()), dx(x.size()), dx_parts(x.size());
  Floats dw(w.size()), dw_parts(w.size()), db(w.size()), db_parts(w.size());
  Floats mean(static_cast<size_t>(n)), r(static_cast<size_t>(n)), mean_parts(mean), r_parts(r);
  layer_norm(rows_of(y, n), rows_of(x, n), vector_of(w), View<const float, 1>(), eps);
  layer_norm_backward_x(rows_of(dx, n), vector_of(mean), vector_of(r), rows_of(dy, n),
                        rows_of(x, n), vector_of(w), eps, Output::write);
  for (int64_t t = 0; t < n; t += 33) {
    const int64_t end = std::min(n, t + 33);
    layer_norm(rows_of(y_parts, n).part(t, end), rows_of(x, n).part(t, end), vector_of(w),
               View<const float, 1>(), eps);
    layer_norm_backward_x(rows_of(dx_parts, n).part(t, end),
                          View<float, 1>(mean_parts.data() + t, end - t),
                          View<float, 1>(r_parts.data() + t, end - t), rows_of(dy, n).part(t, end),
                          rows_of(x, n).part(t, end), vector_of(w), eps, Output::write);
  }
  EXPECT_EQ(y, y_parts);
  EXPECT_EQ(dx, dx_parts);
  layer_norm_backward_wb(vector_of(dw), vector_of(db), 0, d, rows_of(dy, n), rows_of(x, n),
                         vector_of(mean), vector_of(r), Output::write);
  for (int64_t i = 0; i < d; i += 5)
    layer_norm_backward_wb(vector_of(dw_parts), vector_of(db_parts), i, std::min(d, i + 5),
                           rows_of(dy, n), rows_of(x, n), vector_of(mean), vector_of(r),
                           Output::write);
  EXPECT_EQ(dw, dw_parts);
  EXPECT_EQ(db, db_parts);
}

TEST_P(Norms, MayWriteOverTheirArguments) {
  const Floats x = random_floats(3 * 40, 1), w = random_floats(40, 2),
               dy = random_floats(3 * 40, 3);
  Floats right(x.size()), y(x), r(3), dx(x.size()), over(dy);
  rms_norm(rows_of(right, 3), rows_of(x, 3), vector_of(w), eps);
  rms_norm(rows_of(y, 3), rows_of(y, 3), vector_of(w), eps);
  EXPECT_EQ(y, right);
  rms_norm_backward_x(rows_of(dx, 3), vector_of(r), rows_of(dy, 3), rows_of(x, 3), vector_of(w),
                      eps, Output::write);
  rms_norm_backward_x(rows_of(over, 3), vector_of(r), rows_of(over, 3), rows_of(x, 3), vector_of(w),
                      eps, Output::write);
  EXPECT_EQ(over, dx);
}

}  // namespace
}  // namespace quire
