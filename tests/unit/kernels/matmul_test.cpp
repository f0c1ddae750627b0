#include "kernels/matmul.h"

#include "quant/codec.h"
#include "unit/kernels/support.h"

namespace quire {
namespace {

class Products : public EachIsa {
 protected:
  LentScratch scratch_{matmul_scratch_bytes()};
};
FOR_EACH_ISA(Products);

// Sums of k products of normal numbers in f32: the error grows like sqrt(k) roundings of a sum near
// sqrt(k).
double tolerance(int64_t k) { return 4e-7 * static_cast<double>(k) / std::sqrt(k + 1.0) + 1e-6; }

struct Sizes {
  int64_t m, n, k;
};
// Register blocks, panels, blocks of K and tiles, each with one more and one less.
constexpr Sizes shapes[] = {{1, 1, 1},     {2, 3, 5},      {12, 32, 16}, {13, 33, 17},
                            {11, 31, 15},  {6, 16, 256},   {7, 17, 257}, {100, 65, 63},
                            {265, 70, 64}, {30, 257, 300}, {5, 40, 513}, {24, 64, 0}};

TEST_P(Products, GemmIsTheTripleLoopForEveryLayout) {
  for (const Sizes& s : shapes)
    for (int layout = 0; layout < 8; ++layout) {
      const bool a_columns = layout & 1, b_columns = layout & 2, add = layout & 4;
      const Floats a = random_floats(s.m * s.k, 1), b = random_floats(s.k * s.n, 2);
      const Floats old = random_floats(s.m * s.n, 3), bias = random_floats(s.n, 4);
      Floats c(old);
      gemm({.m = s.m,
            .n = s.n,
            .k = s.k,
            .a = a_columns ? GemmOperand::columns(a.data(), s.m) : GemmOperand::rows(a.data(), s.k),
            .b = b_columns ? GemmOperand::columns(b.data(), s.k) : GemmOperand::rows(b.data(), s.n),
            .c = c.data(),
            .c_stride = s.n,
            .bias = bias.data(),
            .output = add ? Output::add : Output::write},
           scratch_);
      Doubles right(c.size());
      for (int64_t i = 0; i < s.m; ++i)
        for (int64_t j = 0; j < s.n; ++j) {
          const size_t at = static_cast<size_t>(i * s.n + j);
          double sum = static_cast<double>(bias[static_cast<size_t>(j)]) +
                       (add ? static_cast<double>(old[at]) : 0.0);
          for (int64_t k = 0; k < s.k; ++k)
            sum +=
                static_cast<double>(a[static_cast<size_t>(a_columns ? k * s.m + i : i * s.k + k)]) *
                static_cast<double>(b[static_cast<size_t>(b_columns ? j * s.k + k : k * s.n + j)]);
          right[at] = sum;
        }
      EXPECT_LE(difference(c, right), tolerance(s.k))
          << s.m << " x " << s.n << " x " << s.k << ", layout " << layout;
    }
}

// The decoded weights, for references.
Floats decoded(const Tensor& w) {
  Floats x(static_cast<size_t>(w.shape().n_elements()));
  codec(w.dtype())->decode(w.data(), x.data(), w.shape().n_elements());
  return x;
}
Tensor encoded(DType dtype, int64_t n, int64_t k, uint64_t seed) {
  Tensor w(dtype, Shape{n, k});
  codec(dtype)->encode(random_floats(n * k, seed).data(), w.data(), n * k);
  return w;
}
Doubles product(const Floats& x, const Floats& w, const Floats& bias, int64_t t, int64_t n,
                int64_t k) {
  Doubles y(static_cast<size_t>(t * n));
  for (int64_t i = 0; i < t; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = static_cast<double>(bias[static_cast<size_t>(j)]);
      for (int64_t e = 0; e < k; ++e)
        sum += static_cast<double>(x[static_cast<size_t>(i * k + e)]) *
               static_cast<double>(w[static_cast<size_t>(j * k + e)]);
      y[static_cast<size_t>(i * n + j)] = sum;
    }
  return y;
}

TEST_P(Products, MatmulWorksForEveryStorageTypeAndNumberOfRows) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0})
    for (const int64_t t : {1, 2, 3, 6, 7, 11, 12, 13, 50})
      for (const int64_t n : {1, 4, 7, 66})
        for (const int64_t k : {int64_t{32}, int64_t{544}, int64_t{19}}) {
          if (k % info(dtype).block_size != 0) continue;
          const Tensor w = encoded(dtype, n, k, 1);
          const Floats x = random_floats(t * k, 2), bias = random_floats(n, 3);
          Floats y(static_cast<size_t>(t * n), 9.0f);
          matmul({.x = rows_of(x, t), .w = w.view(), .y = rows_of(y, t), .bias = bias.data()},
                 scratch_);
          EXPECT_LE(difference(y, product(x, decoded(w), bias, t, n, k)), tolerance(k))
              << info(dtype).name << " " << t << " x " << n << " x " << k;
          Floats added(static_cast<size_t>(t * n), 9.0f);
          matmul({.x = rows_of(x, t),
                  .w = w.view(),
                  .y = rows_of(added, t),
                  .bias = bias.data(),
                  .output = Output::add},
                 scratch_);
          EXPECT_LE(difference(added, sum_of(y, Floats(y.size(), 9.0f))), few_ulp);
        }
}

TEST_P(Products, MatmulWritesItsSliceOfAWiderBufferOnly) {
  for (const int64_t t : {2, 20}) {
    const Tensor w = encoded(DType::f32, 10, 24, 1);
    const Floats wide_x = random_floats(t * 30, 2), bias(10);
    Floats x(static_cast<size_t>(t * 24)), wide(static_cast<size_t>(t * 25), 7.0f);
    for (size_t i = 0; i < x.size(); ++i) x[i] = wide_x[i / 24 * 30 + i % 24];
    const Doubles right = product(x, decoded(w), bias, t, 10, 24);
    matmul({.x = Rows<const float>(wide_x.data(), t, 24, 30),
            .w = w.view(),
            .y = Rows<float>(wide.data() + 8, t, 10, 25)},
           scratch_);
    for (size_t i = 0; i < wide.size(); ++i) {
      const size_t row = i / 25, column = i % 25;
      if (column >= 8 && column < 18) {
        EXPECT_NEAR(wide[i], right[row * 10 + column - 8], 1e-5);
      } else {
        EXPECT_EQ(wide[i], 7.0f);
      }
    }
  }
}

// The tiles of a plan, last to first.
void run_backwards(const MatmulPlan& plan, Scratch scratch) {
  for (int64_t tile = plan.n_tiles; tile-- > 0;) matmul_tile(plan, tile, scratch);
}

TEST_P(Products, ResultsDoNotDependOnTilesOrThreads) {
  for (const DType dtype : {DType::f32, DType::q8_0})
    for (const int64_t t : {1, 5, 300}) {
      const int64_t n = 330, k = 352;
      const Tensor w = encoded(dtype, n, k, 1);
      const Floats x = random_floats(t * k, 2);
      Floats one(static_cast<size_t>(t * n));
      matmul({.x = rows_of(x, t), .w = w.view(), .y = rows_of(one, t)}, scratch_);
      int64_t tiles_seen = 0;
      for (const int threads : {2, 3, 7, 64}) {
        Floats y(one.size());
        const MatmulPlan plan =
            matmul_plan({.x = rows_of(x, t), .w = w.view(), .y = rows_of(y, t)}, threads);
        tiles_seen = std::max(tiles_seen, plan.n_tiles);
        run_backwards(plan, scratch_);
        EXPECT_EQ(y, one) << info(dtype).name << ", " << t << " rows, " << threads << " threads";
      }
      EXPECT_GT(tiles_seen, 10);
    }
}

TEST_P(Products, ARowDoesNotDependOnItsCompanionsWithinAPath) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::q4_0}) {
    const int64_t n = 70, k = 608;
    const Tensor w = encoded(dtype, n, k, 1);
    for (const bool few : {true, false}) {
      const int64_t most = few ? matmul_few_rows : 100, least = few ? 1 : matmul_few_rows + 1;
      const Floats x = random_floats(most * k, 2);
      Floats all(static_cast<size_t>(most * n)), some(static_cast<size_t>(least * n));
      matmul({.x = rows_of(x, most), .w = w.view(), .y = rows_of(all, most)}, scratch_);
      matmul({.x = rows_of(x, most).part(0, least), .w = w.view(), .y = rows_of(some, least)},
             scratch_);
      all.resize(some.size());
      EXPECT_EQ(all, some) << info(dtype).name << (few ? ", few" : ", many");
    }
  }
}

TEST_P(Products, GradientsOfMatmulAreItsTransposes) {
  // y = x wᵀ: <y, dy> = <x, dx> = <w, dw> for every x, w, dy.
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0})
    for (const int64_t t : {1, 9, 280}) {
      const int64_t n = 45, k = 96;
      const Tensor w = encoded(dtype, n, k, 1);
      const Floats x = random_floats(t * k, 2), dy = random_floats(t * n, 3), bias(45);
      Floats dx(x.size()), dw(static_cast<size_t>(n * k)), dx_added(x), dw_added(decoded(w));
      gemm(matmul_backward_x(rows_of(dx, t), rows_of(dy, t), w.view(), Output::write), scratch_);
      gemm(matmul_backward_w(rows_of(dw, n), rows_of(dy, t), rows_of(x, t), Output::write),
           scratch_);
      const double right = dot(product(x, decoded(w), bias, t, n, k), dy);
      EXPECT_NEAR(dot(as_doubles(dx), x), right, 2e-5 * static_cast<double>(t * n));
      EXPECT_NEAR(dot(as_doubles(dw), decoded(w)), right, 2e-5 * static_cast<double>(t * n));
      gemm(matmul_backward_x(rows_of(dx_added, t), rows_of(dy, t), w.view(), Output::add),
           scratch_);
      gemm(matmul_backward_w(rows_of(dw_added, n), rows_of(dy, t), rows_of(x, t), Output::add),
           scratch_);
      EXPECT_LE(difference(dx_added, sum_of(x, dx)), few_ulp);
      EXPECT_LE(difference(dw_added, sum_of(decoded(w), dw)), few_ulp);
    }
}

}  // namespace
}  // namespace quire
