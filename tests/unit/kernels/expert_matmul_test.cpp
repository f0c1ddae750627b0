// Products with experts: against the formula, and bit for bit against plain products.
#include "kernels/expert_matmul.h"

#include "kernels/matmul.h"
#include "quant/codec.h"
#include "unit/kernels/support.h"

#include <set>

namespace quire {
namespace {

struct Sizes {
  int64_t T, K, X, N, D;
};

// Every row's experts, all different.
Floats random_experts(const Sizes& s, uint64_t seed) {
  Rng rng(seed);
  Floats experts;
  for (int64_t t = 0; t < s.T; ++t) {
    std::set<uint64_t> mine;
    while (static_cast<int64_t>(mine.size()) < s.K)
      mine.insert(rng.below(static_cast<uint64_t>(s.X)));
    experts.insert(experts.end(), mine.begin(), mine.end());
  }
  return experts;
}

Tensor random_weights(DType dtype, const Sizes& s, uint64_t seed) {
  Tensor w(dtype, Shape{s.X, s.N, s.D});
  const Floats values = random_floats(s.X * s.N * s.D, seed);
  codec(dtype)->encode(values.data(), w.data(), s.X * s.N * s.D);
  return w;
}

enum class Own { no, yes };  // whether every pair has a row of its own

// The product, with rows placed and tiles run in pieces.
Floats product(const Sizes& s, const Floats& x, Own own, const Tensor& w, const Floats& bias,
               const Floats& experts, Precision precision) {
  ExpertGroups groups;
  groups.group_by_expert(Rows<const float>(experts.data(), s.T, s.K), s.X);
  const RowFormat format = expert_row_format(w.dtype(), precision);
  const auto n_bytes = static_cast<size_t>(expert_rows_bytes(format, s.T * s.K, s.D));
  const auto memory = allocate_aligned(n_bytes);
  const ExpertRows rows{&groups, format, s.D, memory.get()};
  const int64_t width = own == Own::yes ? s.K * s.D : s.D;
  const Rows<const float> x_rows(x.data(), s.T, width);
  for (int64_t t = s.T; t-- > 0;) place_expert_rows(rows, x_rows, t, t + 1);

  Floats y(static_cast<size_t>(s.T * s.K * s.N), std::nanf(""));
  const ExpertPlan plan =
      expert_plan({rows, w.view(), bias.data(), Rows<float>(y.data(), s.T * s.K, s.N)}, s.K, 3);
  const LentScratch scratch(expert_scratch_bytes());
  for (int64_t tile = plan.n_tiles; tile-- > 0;) expert_tile(plan, tile, scratch);
  return y;
}

// One pair at a time, by the plain product.
Floats pair_by_pair(const Sizes& s, const Floats& x, Own own, const Tensor& w, const Floats& bias,
                    const Floats& experts, Precision precision) {
  Floats y(static_cast<size_t>(s.T * s.K * s.N));
  const LentScratch scratch(matmul_scratch_bytes());
  const RowFormat format = expert_row_format(w.dtype(), precision);
  const auto memory = allocate_aligned(static_cast<size_t>(quantized_rows_bytes(format, 1, s.D)));
  for (int64_t pair = 0; pair < s.T * s.K; ++pair) {
    const auto expert = static_cast<int64_t>(experts[static_cast<size_t>(pair)]);
    const Rows<const float> row(x.data() + (own == Own::yes ? pair : pair / s.K) * s.D, 1, s.D);
    Matmul one;
    one.x = row;
    one.w = {w.dtype(), {s.N, s.D}, w.view().row(expert * s.N)};
    one.y = Rows<float>(y.data() + pair * s.N, 1, s.N);
    one.bias = bias.data() + expert * s.N;
    if (format != RowFormat::f32) {
      one.quantized = {format, 1, s.D, memory.get()};
      quantize_rows(one.quantized, row, 0, 1);
    }
    matmul(one, scratch);
  }
  return y;
}

class ExpertMatmuls : public EachIsa {
 protected:
  static constexpr Sizes shapes[] = {{1, 2, 8, 40, 256}, {1, 1, 1, 3, 32},    {5, 3, 4, 65, 64},
                                     {40, 2, 3, 33, 96}, {7, 4, 12, 96, 256}, {0, 2, 4, 8, 32},
                                     {700, 1, 2, 40, 32}};
};
FOR_EACH_ISA(ExpertMatmuls);

TEST_P(ExpertMatmuls, ExactOnesAreThoseOfEveryPairByRounding) {
  for (const DType dtype : {DType::f32, DType::f16, DType::q8_0, DType::mxfp4})
    for (const Sizes& s : shapes)
      for (const Own own : {Own::no, Own::yes}) {
        const Floats x = random_floats(s.T * s.K * s.D, 1), bias = random_floats(s.X * s.N, 2);
        const Floats experts = random_experts(s, 3);
        const Tensor w = random_weights(dtype, s, 4);
        EXPECT_LT(difference(product(s, x, own, w, bias, experts, Precision::exact),
                             pair_by_pair(s, x, own, w, bias, experts, Precision::exact)),
                  rounding_of_sums)
            << info(dtype).name << ", " << s.T << " rows, " << s.X << " experts";
      }
}

TEST_P(ExpertMatmuls, FastOnesAreThoseOfEveryPairBitForBit) {
  for (const DType dtype : {DType::q4_0, DType::q8_0, DType::mxfp4, DType::bf16, DType::q4_k})
    for (const Sizes& s : shapes) {
      if (s.D % info(dtype).block_size != 0) continue;
      for (const Own own : {Own::no, Own::yes}) {
        const Floats x = random_floats(s.T * s.K * s.D, 1), bias = random_floats(s.X * s.N, 2);
        const Floats experts = random_experts(s, 3);
        const Tensor w = random_weights(dtype, s, 4);
        EXPECT_EQ(product(s, x, own, w, bias, experts, Precision::fast),
                  pair_by_pair(s, x, own, w, bias, experts, Precision::fast))
            << info(dtype).name << ", " << s.T << " rows, " << s.X << " experts";
      }
    }
}

TEST(ExpertGroups, EveryPairHasAPlaceAmongThoseOfItsExpert) {
  const Floats experts{5, 2, 2, 0, 5, 1};  // three rows of two
  ExpertGroups groups;
  groups.group_by_expert(rows_of(experts, 3), 6);
  ASSERT_EQ(groups.n_active(), 4);
  EXPECT_EQ(groups.active(3), 5);
  std::vector<int64_t> order;
  for (int64_t place = 0; place < groups.n_pairs(); ++place) order.push_back(groups.pair(place));
  EXPECT_EQ(order, (std::vector<int64_t>{3, 5, 1, 2, 0, 4}));
  for (int64_t pair = 0; pair < groups.n_pairs(); ++pair) {
    EXPECT_EQ(groups.pair(groups.place(pair)), pair);
    EXPECT_GE(groups.place(pair), groups.begin(groups.expert(pair)));
    EXPECT_LT(groups.place(pair), groups.end(groups.expert(pair)));
  }
}

class ExpertSums : public EachIsa {};
FOR_EACH_ISA(ExpertSums);

TEST_P(ExpertSums, AreTheFormula) {
  for (const int64_t n : odd_sizes) {
    constexpr int64_t T = 3, K = 4;
    const Floats x = random_floats(T * K * n, 1), weights = random_floats(T * K, 2);
    Floats y(static_cast<size_t>(T * n));
    expert_sum(rows_of(y, T), rows_of(x, T), rows_of(weights, T));
    Doubles right(y.size());
    for (int64_t t = 0; t < T; ++t)
      for (int64_t k = 0; k < K; ++k)
        for (int64_t i = 0; i < n; ++i)
          right[static_cast<size_t>(t * n + i)] +=
              static_cast<double>(weights[static_cast<size_t>(t * K + k)]) *
              static_cast<double>(x[static_cast<size_t>((t * K + k) * n + i)]);
    EXPECT_LT(difference(y, right), few_ulp) << n;
  }
}

}  // namespace
}  // namespace quire
