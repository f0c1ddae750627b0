// What the kernel tests share: random data, scratch, every instruction set in turn, and gradients
// by differences.
#pragma once
#include "base/isa.h"
#include "base/rng.h"
#include "kernels/rows.h"
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace quire {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

inline Floats random_floats(int64_t n, uint64_t seed, double scale = 1) {
  Rng rng(seed);
  Floats x(static_cast<size_t>(n));
  for (float& v : x) v = static_cast<float>(scale * rng.normal());
  return x;
}
inline Doubles as_doubles(const Floats& x) { return {x.begin(), x.end()}; }

inline View<float, 1> vector_of(Floats& x) { return View<float, 1>(x.data(), x.size()); }
inline View<const float, 1> vector_of(const Floats& x) {
  return View<const float, 1>(x.data(), x.size());
}
inline View<const int32_t, 1> vector_of(const std::vector<int32_t>& x) {
  return View<const int32_t, 1>(x.data(), x.size());
}
inline Rows<float> rows_of(Floats& x, int64_t n) {
  return View<float, 2>(x.data(), n, static_cast<int64_t>(x.size()) / n);
}
inline Rows<const float> rows_of(const Floats& x, int64_t n) {
  return View<const float, 2>(x.data(), n, static_cast<int64_t>(x.size()) / n);
}
inline Heads<float> heads_of(Floats& x, int64_t n, int64_t n_heads) {
  return View<float, 3>(x.data(), n, n_heads, static_cast<int64_t>(x.size()) / n / n_heads);
}
inline Heads<const float> heads_of(const Floats& x, int64_t n, int64_t n_heads) {
  return View<const float, 3>(x.data(), n, n_heads, static_cast<int64_t>(x.size()) / n / n_heads);
}

// Scratch whose content is never a number, so that a kernel that reads what it did not write is
// caught.
class LentScratch {
 public:
  explicit LentScratch(size_t n) : memory_(allocate_aligned(n)), n_(n) {
    std::fill_n(memory_.get(), n, std::byte{0xff});
  }
  operator Scratch() const { return {memory_.get(), n_}; }  // NOLINT(google-explicit-constructor)

 private:
  std::shared_ptr<std::byte[]> memory_;
  size_t n_;
};

// A test that runs once for each instruction set of this machine; elsewhere it is skipped.
class EachIsa : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (GetParam() > isa_detected()) GTEST_SKIP() << "not on this machine";
    limit_isa(GetParam());
  }
  void TearDown() override { limit_isa(isa_detected()); }
};
#define FOR_EACH_ISA(suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(Versions, suite,                                        \
                           testing::Values(Isa::portable, Isa::avx2, Isa::avx512), \
                           [](const auto& each) { return isa_name(each.param); })

// Largest difference over the largest magnitude of b, at least 1. NaN anywhere gives NaN.
template <class A, class B>
double difference(const std::vector<A>& a, const std::vector<B>& b) {
  double scale = 1, worst = 0;
  if (a.size() != b.size()) return std::nan("");
  for (const B v : b) scale = std::max(scale, std::abs(static_cast<double>(v)));
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= worst)) worst = d;
  }
  return worst / scale;
}

// Central differences of f around x, in double: an error of about 1e-9 for f near 1.
inline Doubles numeric_gradient(const std::function<double(const Doubles&)>& f, Doubles x) {
  Doubles gradient(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double h = 1e-5, old = x[i];
    x[i] = old + h;
    const double above = f(x);
    x[i] = old - h;
    gradient[i] = (above - f(x)) / (2 * h);
    x[i] = old;
  }
  return gradient;
}
inline double dot(const Doubles& a, const Floats& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * static_cast<double>(b[i]);
  return sum;
}
inline Floats sum_of(const Floats& a, const Floats& b) {
  Floats c(a);
  for (size_t i = 0; i < c.size(); ++i) c[i] += b[i];
  return c;
}

// Sizes around the widths of vectors and panels.
inline constexpr int64_t odd_sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65, 130};

// Elementwise results: a few units in the last place of f32.
constexpr double few_ulp = 2e-6;
// Sums of up to a few hundred products in f32.
constexpr double rounding_of_sums = 1e-5;

}  // namespace quire
