// Products with rounded activations: the rounding, the unpacked weights, and the product itself.
#include "kernels/matmul.h"
#include "kernels/unpack.h"
#include "quant/codec.h"
#include "unit/kernels/support.h"

#include <cstring>

namespace quire {
namespace {

// Every type that has a fast product.
std::vector<DType> fast_types() {
  std::vector<DType> types;
  for (uint32_t id = 0; id < 64; ++id)
    if (const auto dtype = dtype_from_id(id); dtype && codec(*dtype) != nullptr)
      if (row_format(*dtype, Precision::fast) != RowFormat::f32) types.push_back(*dtype);
  return types;
}

// Random bytes as weights; blocks with numbers that no model has are drawn again.
Tensor random_weights(DType dtype, int64_t n, int64_t k, uint64_t seed) {
  Tensor w(dtype, Shape{n, k});
  Rng rng(seed);
  const DTypeInfo& type = info(dtype);
  std::vector<float> values(static_cast<size_t>(type.block_size));
  for (int64_t at = 0; at < w.n_bytes(); at += type.block_bytes) {
    const auto usable = [&] {
      codec(dtype, Isa::portable)->decode(w.data() + at, values.data(), type.block_size);
      for (const float v : values)
        if (!(std::abs(v) <= 30 && (v == 0 || std::abs(v) > 1e-6f))) return false;
      return true;
    };
    do {
      for (int64_t i = 0; i < type.block_bytes; ++i)
        w.data()[at + i] = static_cast<std::byte>(static_cast<int>(rng.uniform() * 256));
    } while (!usable());
  }
  return w;
}

Floats decoded(const Tensor& w) {
  Floats x(static_cast<size_t>(w.shape().n_elements()));
  codec(w.dtype())->decode(w.data(), x.data(), w.shape().n_elements());
  return x;
}

// Rows with the memory they lie in.
struct OwnedRows {
  QuantizedRows rows;
  std::shared_ptr<std::byte[]> memory;

  OwnedRows(RowFormat format, const Floats& x, int64_t n)
      : rows{format, n, static_cast<int64_t>(x.size()) / n, nullptr} {
    memory = allocate_aligned(static_cast<size_t>(bytes()));
    rows.data = memory.get();
    quantize_rows(rows, rows_of(x, n), 0, n);
  }
  int64_t bytes() const { return quantized_rows_bytes(rows.format, rows.n, rows.width); }
  bool same_bits(const OwnedRows& other) const {
    return std::memcmp(memory.get(), other.memory.get(), static_cast<size_t>(bytes())) == 0;
  }
  // The numbers that the rounded rows stand for.
  Doubles values() const {
    Doubles x;
    for (int64_t t = 0; t < rows.n; ++t)
      for (int64_t i = 0; i < rows.width; ++i) x.push_back(value(t, i));
    return x;
  }
  double value(int64_t t, int64_t i) const {
    const int64_t c = i / chunk_width, j = i % chunk_width;
    if (rows.format == RowFormat::bf16) {
      const uint32_t bits = static_cast<uint32_t>(rows.chunks<Bf16Chunk>(c)[t].x[j]) << 16;
      return static_cast<double>(std::bit_cast<float>(bits));
    }
    if (rows.format == RowFormat::q14_32) {
      const Q14Chunk& chunk = rows.chunks<Q14Chunk>(c)[t];
      return static_cast<double>(chunk.scale[j / 32]) * chunk.q[j];
    }
    const Q8Chunk& chunk = rows.chunks<Q8Chunk>(c)[t];
    return static_cast<double>(chunk.scale[j / 32]) * chunk.q[j];
  }
};

constexpr RowFormat formats[] = {RowFormat::q8_32, RowFormat::q8_256, RowFormat::bf16,
                                 RowFormat::q14_32};

class FastProducts : public EachIsa {
 protected:
  LentScratch scratch_{matmul_scratch_bytes()};
};
FOR_EACH_ISA(FastProducts);

TEST_P(FastProducts, RoundRowsToTheNearestOfTheirScale) {
  constexpr int64_t n = 3, width = 608;
  const Floats x = random_floats(n * width, 1, 3);
  for (const RowFormat format : formats) {
    const OwnedRows rounded(format, x, n);
    const Doubles values = rounded.values();
    const int64_t group = format == RowFormat::q8_256 ? 256 : 32;
    const double largest_q = format == RowFormat::q14_32 ? 8191 : 127;
    for (int64_t i = 0; i < n * width; ++i) {
      const double exact = static_cast<double>(x[static_cast<size_t>(i)]);
      double most = std::abs(exact) / 256 * 127 * 2;  // bf16: 8 bits of fraction
      if (format != RowFormat::bf16) {
        most = 0;
        const int64_t row = i / width * width, first = row + (i - row) / group * group;
        for (int64_t j = first; j < std::min(first + group, row + width); ++j)
          most = std::max(most, std::abs(static_cast<double>(x[static_cast<size_t>(j)])));
      }
      EXPECT_LE(std::abs(values[static_cast<size_t>(i)] - exact), most / largest_q / 2 * 1.0001);
    }
  }
}

TEST_P(FastProducts, RoundTheSameBitsOnEveryInstructionSetAndInAnyCut) {
  constexpr int64_t n = 5, width = 544;
  Floats x = random_floats(n * width, 1);
  std::fill_n(x.begin() + 64, 300, 0.0f);
  x[700] = std::nanf("");
  x[1300] = INFINITY;
  x[1700] = 1e-42f;
  for (const RowFormat format : formats) {
    const OwnedRows whole(format, x, n);
    OwnedRows cut(format, Floats(x.size()), n);
    quantize_rows(cut.rows, rows_of(x, n), 3, 5);
    quantize_rows(cut.rows, rows_of(x, n), 0, 3);
    EXPECT_TRUE(whole.same_bits(cut));
    limit_isa(Isa::portable);
    EXPECT_TRUE(whole.same_bits(OwnedRows(format, x, n)));
    limit_isa(GetParam());
  }
}

TEST_P(FastProducts, HideNoNaN) {
  Floats x = random_floats(512, 1);
  x[300] = std::nanf("");
  x[40] = INFINITY;
  const Tensor w = random_weights(DType::q8_0, 4, 512, 1);
  const OwnedRows rows(RowFormat::q8_32, x, 1);
  EXPECT_TRUE(std::isnan(rows.value(0, 300)));
  EXPECT_FALSE(std::isfinite(rows.value(0, 40)));
  Floats y(4);
  matmul({.x = rows_of(x, 1), .w = w.view(), .y = rows_of(y, 1), .quantized = rows.rows}, scratch_);
  for (const float v : y) EXPECT_TRUE(std::isnan(v));
}

TEST_P(FastProducts, UnpackEveryTypeToTheNumbersItsCodecDecodes) {
  EXPECT_GE(fast_types().size(), 25u);
  for (const DType dtype : fast_types()) {
    const Unpacking* type = find_unpacking(dtype);
    if (type == nullptr) continue;  // BF16
    const Tensor w = random_weights(dtype, 20, 256, 7);
    const Floats right = decoded(w);
    for (int64_t row = 0; row < 20; ++row) {
      int8_t q[256];
      float scale[16], offset[16] = {};
      type->unpack(w.view().row(row), 256, q, scale, offset);
      for (int64_t i = 0; i < 256; ++i) {
        const int64_t g = i / type->group;
        const float value = scale[g] * static_cast<float>(q[i]) + offset[g];
        EXPECT_NEAR(value, right[static_cast<size_t>(row * 256 + i)], 1e-5)
            << info(dtype).name << " element " << i;
      }
    }
  }
}

// Numbers in F16 to 14 bits, 32 to a scale, which is a power of two.
Floats to_14_bits(Floats x) {
  for (size_t i = 0; i < x.size(); i += 32) {
    float most = 0;
    for (size_t j = i; j < i + 32; ++j) most = std::max(most, std::abs(x[j]));
    if (most == 0) continue;
    const int exponent = std::ilogb(most);
    for (size_t j = i; j < i + 32; ++j)
      x[j] = std::ldexp(std::nearbyint(std::ldexp(x[j], 12 - exponent)), exponent - 12);
  }
  return x;
}

// Sums of k products in f32: as in matmul_test.cpp.
double tolerance(int64_t k) { return 4e-7 * static_cast<double>(k) / std::sqrt(k + 1.0) + 1e-6; }

TEST_P(FastProducts, MultiplyWhatTheRoundedRowsStandFor) {
  for (const DType dtype : fast_types())
    for (const int64_t t : {1, 2, 5, 6, 7, 13, 33})
      for (const int64_t n : {1, 31, 32, 65})
        for (const int64_t k : {256, 288, 768}) {
          if (k % info(dtype).block_size != 0) continue;
          const Tensor w = random_weights(dtype, n, k, 1);
          const Floats x = random_floats(t * k, 2), bias = random_floats(n, 3);
          const OwnedRows rows(row_format(dtype, Precision::fast), x, t);
          const bool as_it_is = !uses_quantized(rows.rows.format, t);
          const Doubles values = as_it_is ? Doubles(x.begin(), x.end()) : rows.values();
          const Floats weights =
              dtype == DType::f16 && !as_it_is ? to_14_bits(decoded(w)) : decoded(w);
          Doubles right(static_cast<size_t>(t * n));
          for (int64_t i = 0; i < t * n; ++i) {
            double sum = static_cast<double>(bias[static_cast<size_t>(i % n)]);
            for (int64_t e = 0; e < k; ++e)
              sum += values[static_cast<size_t>(i / n * k + e)] *
                     static_cast<double>(weights[static_cast<size_t>(i % n * k + e)]);
            right[static_cast<size_t>(i)] = sum;
          }
          Floats y(static_cast<size_t>(t * n), 9.0f);
          matmul({.x = rows_of(x, t),
                  .w = w.view(),
                  .y = rows_of(y, t),
                  .bias = bias.data(),
                  .quantized = rows.rows},
                 scratch_);
          EXPECT_LE(difference(y, right), tolerance(k))
              << info(dtype).name << " " << t << " x " << n << " x " << k;
        }
}

TEST_P(FastProducts, DependOnTheirRowsOnly) {
  constexpr int64_t n = 330, k = 512, most = 530;
  for (const DType dtype : fast_types()) {
    const Tensor w = random_weights(dtype, n, k, 1);
    const Floats x = random_floats(most * k, 2);
    const OwnedRows all(row_format(dtype, Precision::fast), x, most);
    Floats whole(static_cast<size_t>(most * n));
    matmul({.x = rows_of(x, most), .w = w.view(), .y = rows_of(whole, most), .quantized = all.rows},
           scratch_);
    for (const int64_t t : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17}) {
      const Floats first(x.begin(), x.begin() + t * k);
      const OwnedRows some(row_format(dtype, Precision::fast), first, t);
      if (!uses_quantized(some.rows.format, t)) continue;  // few rows with F16
      for (const int threads : {1, 2, 7, 64}) {
        Floats y(static_cast<size_t>(t * n));
        const MatmulPlan plan = matmul_plan(
            {.x = rows_of(first, t), .w = w.view(), .y = rows_of(y, t), .quantized = some.rows},
            threads);
        for (int64_t tile = plan.n_tiles; tile-- > 0;) matmul_tile(plan, tile, scratch_);
        EXPECT_TRUE(std::equal(y.begin(), y.end(), whole.begin()))
            << info(dtype).name << ", " << t << " rows, " << threads << " threads";
      }
    }
  }
}

// Kernels for one row take pieces of 128 or 256 columns, of which the last may be a part, and rows
// of more than 32,768 in two goes.
TEST_P(FastProducts, GiveARowAloneItsBitsAtEveryWidth) {
  constexpr int64_t n = 32, t = 2;
  for (const DType dtype : fast_types())
    for (const int64_t k : {96, 256, 576, 896, 1280, 8448, 33056, 33280}) {
      if (k % info(dtype).block_size != 0) continue;
      const Tensor w = random_weights(dtype, n, k, 1);
      const Floats x = random_floats(t * k, 2);
      const auto product = [&](int64_t n_rows) {
        const Floats first(x.begin(), x.begin() + n_rows * k);
        const OwnedRows rows(row_format(dtype, Precision::fast), first, n_rows);
        Floats y(static_cast<size_t>(n_rows * n));
        matmul({.x = rows_of(first, n_rows),
                .w = w.view(),
                .y = rows_of(y, n_rows),
                .quantized = rows.rows},
               scratch_);
        return y;
      };
      const Floats alone = product(1), together = product(t);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin()))
          << info(dtype).name << ", " << k << " columns";
    }
}

TEST_P(FastProducts, ComeCloserWithF16ThanActivationsRoundedToF16) {
  constexpr int64_t t = 40, n = 33, k = 768;
  const Tensor w = random_weights(DType::f16, n, k, 1);
  const Floats x = random_floats(t * k, 2);
  Tensor halves(DType::f16, Shape{t, k});
  codec(DType::f16)->encode(x.data(), halves.data(), t * k);
  const Floats rounded = decoded(halves), weights = decoded(w);
  const OwnedRows rows(RowFormat::q14_32, x, t);
  Floats y(static_cast<size_t>(t * n));
  matmul({.x = rows_of(x, t), .w = w.view(), .y = rows_of(y, t), .quantized = rows.rows}, scratch_);
  double ours = 0, theirs = 0;
  for (int64_t i = 0; i < t * n; ++i) {
    double exact = 0, in_f16 = 0;
    for (int64_t e = 0; e < k; ++e) {
      const auto weight = static_cast<double>(weights[static_cast<size_t>(i % n * k + e)]);
      exact += weight * static_cast<double>(x[static_cast<size_t>(i / n * k + e)]);
      in_f16 += weight * static_cast<double>(rounded[static_cast<size_t>(i / n * k + e)]);
    }
    ours += std::pow(static_cast<double>(y[static_cast<size_t>(i)]) - exact, 2);
    theirs += std::pow(in_f16 - exact, 2);
  }
  EXPECT_GT(ours, 0);
  EXPECT_LT(ours, theirs);
}

TEST_P(FastProducts, AddToASliceOfAWiderBufferOnly) {
  for (const DType dtype : fast_types()) {
    constexpr int64_t n = 37, k = 256, t = 3, stride = 50;
    const Tensor w = random_weights(dtype, n, k, 1);
    const Floats x = random_floats(t * k, 2);
    const OwnedRows rows(row_format(dtype, Precision::fast), x, t);
    Floats y(static_cast<size_t>(t * n)), wide(static_cast<size_t>(t * stride), 7.0f);
    const auto run = [&](Rows<float> to, Output output) {
      matmul({.x = rows_of(x, t), .w = w.view(), .y = to, .output = output, .quantized = rows.rows},
             scratch_);
    };
    run(rows_of(y, t), Output::write);
    run(Rows<float>(wide.data() + 5, t, n, stride), Output::add);
    for (int64_t i = 0; i < t * stride; ++i) {
      const int64_t column = i % stride - 5;
      const float added =
          column >= 0 && column < n ? y[static_cast<size_t>(i / stride * n + column)] : 0.0f;
      EXPECT_EQ(wide[static_cast<size_t>(i)], 7.0f + added);
    }
  }
}

}  // namespace
}  // namespace quire
