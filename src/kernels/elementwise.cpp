#include "kernels/elementwise.h"

#include "kernels/simd_math.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace quire {
namespace {
constexpr int64_t sum_block = 64;  // rows per running sum in sum_rows
}

namespace portable {
namespace {

void add_n(float* y, const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}
void add_scaled_n(float* y, const float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}
void scale_n(float* y, const float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = factor * x[i];
}
void multiply_n(float* y, const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}
void multiply_add_n(float* y, const float* a, const float* b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a[i] * b[i];
}
void clamp_n(float* y, const float* x, float low, float high, float offset, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float v = x[i] < low ? low : x[i];
    y[i] = (v > high ? high : v) + offset;
  }
}
void softcap_n(float* y, const float* x, float cap, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = cap * std::tanh(x[i] / cap);
}
template <bool added>
void softcap_backward_n(float* dx, const float* dy, const float* y, float cap, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float u = y[i] / cap;
    dx[i] = (added ? dx[i] : 0.0f) + dy[i] * (1.0f - u * u);
  }
}
void sum_rows_n(float* y, const float* x, int64_t n_rows, int64_t stride, int64_t n, bool added) {
  for (int64_t d = 0; d < n; ++d) {
    double s = 0;
    for (int64_t t = 0; t < n_rows; ++t) s += double{x[t * stride + d]};
    y[d] = static_cast<float>((added ? double{y[d]} : 0.0) + s);
  }
}
double sum_of_squares_n(const float* x, int64_t n) {
  double s = 0;
  for (int64_t i = 0; i < n; ++i) s += double{x[i]} * double{x[i]};
  return s;
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/elementwise_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
void fill(View<float, 1> y, float value) { std::fill_n(y.data(), y.dim(0), value); }

void copy(Rows<float> y, Rows<const float> x) {
  CHECK(same_shape(y, x));
  if (x.width == 0) return;
  for (int64_t t = 0; t < x.n; ++t)
    std::memmove(y.row(t), x.row(t), static_cast<size_t>(x.width) * sizeof(float));
}

void clamp(Rows<float> y, Rows<const float> x, float low, float high, float offset) {
  CHECK(same_shape(y, x) && low <= high);
  const auto kernel = KERNEL_VERSION(clamp_n);
  for (int64_t t = 0; t < x.n; ++t) kernel(y.row(t), x.row(t), low, high, offset, x.width);
}

void add(Rows<float> y, Rows<const float> a, Rows<const float> b) {
  CHECK(same_shape(y, a) && same_shape(y, b));
  const auto kernel = KERNEL_VERSION(add_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), a.row(t), b.row(t), y.width);
}

void add_scaled(Rows<float> y, Rows<const float> x, float factor) {
  CHECK(same_shape(y, x));
  const auto kernel = KERNEL_VERSION(add_scaled_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), x.row(t), factor, y.width);
}

void scale(Rows<float> y, Rows<const float> x, float factor) {
  CHECK(same_shape(y, x));
  const auto kernel = KERNEL_VERSION(scale_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), x.row(t), factor, y.width);
}

void multiply(Rows<float> y, Rows<const float> a, Rows<const float> b) {
  CHECK(same_shape(y, a) && same_shape(y, b));
  const auto kernel = KERNEL_VERSION(multiply_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), a.row(t), b.row(t), y.width);
}

void multiply_backward(Rows<float> da, Rows<float> db, Rows<const float> dy, Rows<const float> a,
                       Rows<const float> b, Output output) {
  CHECK(same_shape(da, dy) && same_shape(db, dy) && same_shape(a, dy) && same_shape(b, dy));
  const auto kernel =
      output == Output::add ? KERNEL_VERSION(multiply_add_n) : KERNEL_VERSION(multiply_n);
  for (int64_t t = 0; t < dy.n; ++t) {
    kernel(db.row(t), dy.row(t), a.row(t), dy.width);
    kernel(da.row(t), dy.row(t), b.row(t), dy.width);  // last: da may be dy
  }
}

void add_row(Rows<float> y, Rows<const float> x, View<const float, 1> row) {
  CHECK(same_shape(y, x) && row.dim(0) == x.width);
  const auto kernel = KERNEL_VERSION(add_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), x.row(t), row.data(), y.width);
}

void sum_rows(View<float, 1> db, int64_t begin, int64_t end, Rows<const float> dy, Output output) {
  CHECK(db.dim(0) == dy.width && 0 <= begin && begin <= end && end <= dy.width);
  KERNEL_VERSION(sum_rows_n)
  (db.data() + begin, dy.data + begin, dy.n, dy.stride, end - begin, output == Output::add);
}

void softcap(Rows<float> y, Rows<const float> x, float cap) {
  CHECK(same_shape(y, x) && cap > 0);
  const auto kernel = KERNEL_VERSION(softcap_n);
  for (int64_t t = 0; t < y.n; ++t) kernel(y.row(t), x.row(t), cap, y.width);
}

void softcap_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> y, float cap,
                      Output output) {
  CHECK(same_shape(dx, dy) && same_shape(y, dy) && cap > 0);
  const auto kernel = output == Output::add ? KERNEL_VERSION(softcap_backward_n<true>)
                                            : KERNEL_VERSION(softcap_backward_n<false>);
  for (int64_t t = 0; t < dy.n; ++t) kernel(dx.row(t), dy.row(t), y.row(t), cap, dy.width);
}

double sum_of_squares_of_chunk(View<const float, 1> x, int64_t chunk) {
  const int64_t begin = chunk * sum_of_squares_chunk;
  CHECK(chunk >= 0 && begin <= x.dim(0));
  return KERNEL_VERSION(sum_of_squares_n)(x.data() + begin,
                                          std::min(sum_of_squares_chunk, x.dim(0) - begin));
}

double sum_of_squares(View<const float, 1> x) {
  double total = 0;
  for (int64_t c = 0; c < sum_of_squares_chunks(x.dim(0)); ++c)
    total += sum_of_squares_of_chunk(x, c);
  return total;
}

}  // namespace quire
