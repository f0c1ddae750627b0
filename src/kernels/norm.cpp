#include "kernels/norm.h"

#include "kernels/simd_math.h"

#include <cmath>

namespace quire {
namespace {
constexpr int64_t norm_sum_block = 64;  // rows per running sum of a weight gradient
}

namespace portable {
namespace {

float rms_factor(const float* x, int64_t n, float eps) {
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += double{x[i]} * double{x[i]};
  return static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(n) + double{eps}));
}
void rms_norm_row(float* y, const float* x, const float* w, int64_t n, float eps) {
  const float r = rms_factor(x, n, eps);
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * r * w[i];
}
void add_row_n(float* y, const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}
float rms_norm_backward_row(float* dx, const float* dy, const float* x, const float* w, int64_t n,
                            float eps, Output output) {
  const float r = rms_factor(x, n, eps);
  double dot = 0;
  for (int64_t i = 0; i < n; ++i) dot += double{w[i]} * double{dy[i]} * double{x[i]};
  const float c =
      static_cast<float>(double{r} * double{r} * double{r} * dot / static_cast<double>(n));
  for (int64_t i = 0; i < n; ++i)
    dx[i] = (output == Output::add ? dx[i] : 0.0f) + (r * w[i] * dy[i] - x[i] * c);
  return r;
}

void layer_statistics(const float* x, int64_t n, float eps, float* mean, float* r) {
  double s = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) s += double{x[i]};
  const double m = s / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) squares += (double{x[i]} - m) * (double{x[i]} - m);
  *mean = static_cast<float>(m);
  *r = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(n) + double{eps}));
}
void layer_norm_row(float* y, const float* x, const float* w, const float* b, int64_t n,
                    float eps) {
  float m, r;
  layer_statistics(x, n, eps, &m, &r);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - m) * r * w[i] + (b != nullptr ? b[i] : 0.0f);
}
void layer_norm_backward_row(float* dx, const float* dy, const float* x, const float* w, int64_t n,
                             float eps, Output output, float* mean, float* r) {
  layer_statistics(x, n, eps, mean, r);
  double su = 0, suz = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double u = double{w[i]} * double{dy[i]};
    su += u;
    suz += u * double{(x[i] - *mean) * *r};
  }
  const float mean_u = static_cast<float>(su / static_cast<double>(n));
  const float mean_uz = static_cast<float>(suz / static_cast<double>(n));
  for (int64_t i = 0; i < n; ++i) {
    const float z = (x[i] - *mean) * *r;
    dx[i] = (output == Output::add ? dx[i] : 0.0f) + *r * (w[i] * dy[i] - mean_u - z * mean_uz);
  }
}

// dw[d] (+)= sum_t dy (x - mean) r and db[d] (+)= sum_t dy for n columns; mean and db may be null.
void norm_backward_columns(float* dw, float* db, const float* dy, int64_t dy_stride, const float* x,
                           int64_t x_stride, const float* mean, const float* r, int64_t n_rows,
                           int64_t n, Output output) {
  for (int64_t d = 0; d < n; ++d) {
    double w_sum = 0, b_sum = 0;
    for (int64_t t = 0; t < n_rows; ++t) {
      const float g = dy[t * dy_stride + d];
      const float v = x[t * x_stride + d] - (mean != nullptr ? mean[t] : 0.0f);
      w_sum += double{g} * double{v} * double{r[t]};
      b_sum += double{g};
    }
    dw[d] = (output == Output::add ? dw[d] : 0.0f) + static_cast<float>(w_sum);
    if (db != nullptr) db[d] = (output == Output::add ? db[d] : 0.0f) + static_cast<float>(b_sum);
  }
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/norm_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
void rms_norm(Rows<float> y, Rows<const float> x, View<const float, 1> w, float eps) {
  CHECK(same_shape(y, x) && w.dim(0) == x.width && eps > 0);
  const auto kernel = KERNEL_VERSION(rms_norm_row);
  for (int64_t t = 0; t < x.n; ++t) kernel(y.row(t), x.row(t), w.data(), x.width, eps);
}

void add_rms_norm(Rows<float> y, Rows<float> sum, Rows<const float> x, Rows<const float> residual,
                  View<const float, 1> w, float eps) {
  CHECK(same_shape(y, x) && same_shape(sum, x) && same_shape(residual, x));
  CHECK(w.dim(0) == x.width && eps > 0);
  const auto add_kernel = KERNEL_VERSION(add_row_n);
  const auto kernel = KERNEL_VERSION(rms_norm_row);
  for (int64_t t = 0; t < x.n; ++t) {
    add_kernel(sum.row(t), x.row(t), residual.row(t), x.width);
    kernel(y.row(t), sum.row(t), w.data(), x.width, eps);
  }
}

void rms_norm_backward_x(Rows<float> dx, View<float, 1> r, Rows<const float> dy,
                         Rows<const float> x, View<const float, 1> w, float eps, Output output) {
  CHECK(same_shape(dx, x) && same_shape(dy, x) && r.dim(0) == x.n);
  CHECK(w.dim(0) == x.width && eps > 0);
  const auto kernel = KERNEL_VERSION(rms_norm_backward_row);
  for (int64_t t = 0; t < x.n; ++t)
    r(t) = kernel(dx.row(t), dy.row(t), x.row(t), w.data(), x.width, eps, output);
}

void rms_norm_backward_w(View<float, 1> dw, int64_t begin, int64_t end, Rows<const float> dy,
                         Rows<const float> x, View<const float, 1> r, Output output) {
  CHECK(same_shape(dy, x) && dw.dim(0) == x.width && r.dim(0) == x.n);
  CHECK(0 <= begin && begin <= end && end <= x.width);
  KERNEL_VERSION(norm_backward_columns)
  (dw.data() + begin, nullptr, dy.data + begin, dy.stride, x.data + begin, x.stride, nullptr,
   r.data(), x.n, end - begin, output);
}

void layer_norm(Rows<float> y, Rows<const float> x, View<const float, 1> w, View<const float, 1> b,
                float eps) {
  CHECK(same_shape(y, x) && w.dim(0) == x.width && eps > 0);
  CHECK(b.dim(0) == 0 || b.dim(0) == x.width);
  const auto kernel = KERNEL_VERSION(layer_norm_row);
  const float* bias = b.dim(0) == 0 ? nullptr : b.data();
  for (int64_t t = 0; t < x.n; ++t) kernel(y.row(t), x.row(t), w.data(), bias, x.width, eps);
}

void layer_norm_backward_x(Rows<float> dx, View<float, 1> mean, View<float, 1> r,
                           Rows<const float> dy, Rows<const float> x, View<const float, 1> w,
                           float eps, Output output) {
  CHECK(same_shape(dx, x) && same_shape(dy, x) && mean.dim(0) == x.n && r.dim(0) == x.n);
  CHECK(w.dim(0) == x.width && eps > 0);
  const auto kernel = KERNEL_VERSION(layer_norm_backward_row);
  for (int64_t t = 0; t < x.n; ++t)
    kernel(dx.row(t), dy.row(t), x.row(t), w.data(), x.width, eps, output, &mean(t), &r(t));
}

void layer_norm_backward_wb(View<float, 1> dw, View<float, 1> db, int64_t begin, int64_t end,
                            Rows<const float> dy, Rows<const float> x, View<const float, 1> mean,
                            View<const float, 1> r, Output output) {
  CHECK(same_shape(dy, x) && dw.dim(0) == x.width && mean.dim(0) == x.n && r.dim(0) == x.n);
  CHECK((db.dim(0) == 0 || db.dim(0) == x.width) && 0 <= begin && begin <= end && end <= x.width);
  KERNEL_VERSION(norm_backward_columns)
  (dw.data() + begin, db.dim(0) == 0 ? nullptr : db.data() + begin, dy.data + begin, dy.stride,
   x.data + begin, x.stride, mean.data(), r.data(), x.n, end - begin, output);
}

}  // namespace quire
