#include "quant/selftest.h"

#include "base/rng.h"
#include "quant/codec.h"

#include <cmath>
#include <cstring>

namespace quire {
namespace {

constexpr DType dtypes[] = {
#define CODEC(name) DType::name,
#include "quant/codecs.inc"
#undef CODEC
};

// Sizes in blocks: none, one, less than a vector, odd, long. The long ones are for small blocks:
// the encoders of large ones search for a while.
constexpr int64_t sizes[] = {0, 1, 3, 7, 33, 129};
constexpr int64_t n_elements_max = 33 * 64;

struct Sample {
  std::vector<float> a, x;
  std::vector<std::byte> bytes;  // a, encoded by the portable version
};

Sample make_sample(const Codec& reference, int64_t n, Rng& rng) {
  Sample sample;
  for (int64_t i = 0; i < n; ++i) {
    // Magnitudes over twenty powers of two, and now and then a zero.
    const double size = std::exp2(20.0 * rng.uniform() - 10.0);
    sample.a.push_back(rng.below(16) == 0 ? 0.0f : static_cast<float>(size * rng.normal()));
    sample.x.push_back(static_cast<float>(rng.normal()));
  }
  sample.bytes.resize(static_cast<size_t>(row_bytes(reference.dtype, n)));
  reference.encode(sample.a.data(), sample.bytes.data(), n);
  return sample;
}

// Largest difference of each function; that of dot as a share of sum |a x|.
struct Differences {
  double decode = 0, encode = 0, dot = 0;
};

// The larger one; what is not a number stays.
double worse(double a, double b) { return std::isnan(a) || a >= b ? a : b; }

void compare(const Codec& reference, const Codec& version, const Sample& sample,
             Differences& most) {
  const auto n = static_cast<int64_t>(sample.a.size());
  std::vector<float> expected(sample.a.size()), decoded(sample.a.size());
  reference.decode(sample.bytes.data(), expected.data(), n);
  version.decode(sample.bytes.data(), decoded.data(), n);
  double exact = 0, scale = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(double{expected[i]} - double{decoded[i]});
    most.decode = worse(most.decode, difference);
    exact += double{expected[i]} * double{sample.x[i]};
    scale += std::abs(double{expected[i]} * double{sample.x[i]});
  }
  std::vector<std::byte> encoded(sample.bytes.size());
  version.encode(sample.a.data(), encoded.data(), n);
  for (size_t i = 0; i < encoded.size(); ++i)
    if (encoded[i] != sample.bytes[i]) most.encode += 1;
  const double sum = version.dot(sample.bytes.data(), sample.x.data(), n);
  if (scale == 0) scale = 1;
  most.dot = worse(most.dot, std::abs(sum - exact) / scale);
}

}  // namespace

std::vector<SelftestRow> selftest_codecs() {
  std::vector<SelftestRow> rows;
  for (const DType dtype : dtypes) {
    const Codec& reference = *codec(dtype, Isa::portable);
    for (int level = 0; level <= static_cast<int>(isa_detected()); ++level) {
      const Isa isa = static_cast<Isa>(level);
      Differences most;
      Rng rng(1);
      for (const int64_t blocks : sizes) {
        const int64_t n = blocks * info(dtype).block_size;
        if (n <= n_elements_max)
          compare(reference, *codec(dtype, isa), make_sample(reference, n, rng), most);
      }
      const auto add = [&](const char* function, double difference, double tolerance) {
        rows.push_back(
            {fmt::format("codec {} {}", info(dtype).name, function), isa, difference, tolerance});
      };
      add("decode", most.decode, 0);
      add("encode", most.encode, 0);
      // Rounding in f32: a term passes through at most about 140 additions, 2^-24 of the sum each.
      add("dot", most.dot, 1e-5);
    }
  }
  return rows;
}

}  // namespace quire
