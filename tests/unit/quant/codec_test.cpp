// Codecs against the reference package (tools/make_format_goldens.py), against their portable
// version on every instruction set of this machine, and against what their formats promise.
#include "quant/codec.h"

#include "base/file.h"
#include "base/rng.h"
#include "quant/half.h"
#include "quant/selftest.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

namespace quire {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

template <class T>
std::vector<T> golden(const std::string& name) {
  const std::string path = QUIRE_SOURCE_DIR "/tests/golden/quant/" + name;
  const std::string text = read_file(path).value();
  std::vector<T> values(text.size() / sizeof(T));
  std::memcpy(values.data(), text.data(), text.size());
  return values;
}

bool same_bits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

std::string lower(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

// A codec on an instruction set this machine has.
struct Version {
  DType dtype;
  Isa isa;
  const Codec& get() const { return *codec(dtype, isa); }
};
void PrintTo(const Version& version, std::ostream* out) {
  *out << info(version.dtype).name << " " << isa_name(version.isa);
}

std::vector<Version> all_versions() {
  std::vector<Version> versions;
  for (int isa = 0; isa <= static_cast<int>(isa_detected()); ++isa)
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_0})
      versions.push_back({dtype, static_cast<Isa>(isa)});
  return versions;
}

constexpr DType every_dtype[] = {
#define CODEC(name) DType::name,
#include "quant/codecs.inc"
#undef CODEC
};

class Codecs : public testing::TestWithParam<Version> {
 protected:
  DType dtype() const { return GetParam().dtype; }
  const Codec& tested() const { return GetParam().get(); }
  const Codec& portable() const { return *codec(dtype(), Isa::portable); }
  bool in_blocks() const { return info(dtype()).block_size > 1; }

  std::vector<std::byte> encode(const Codec& with, const std::vector<float>& values) const {
    const auto n = static_cast<int64_t>(values.size());
    std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(dtype(), n)) + 1, std::byte{0xa5});
    with.encode(values.data(), bytes.data(), n);
    EXPECT_EQ(bytes.back(), std::byte{0xa5}) << "wrote past the end";
    bytes.pop_back();
    return bytes;
  }
  std::vector<float> decode(const Codec& with, const std::vector<std::byte>& bytes,
                            size_t n) const {
    std::vector<float> values(n + 1, 12345.0f);
    with.decode(bytes.data(), values.data(), static_cast<int64_t>(n));
    EXPECT_EQ(values.back(), 12345.0f) << "wrote past the end";
    values.pop_back();
    return values;
  }
  // Sizes to try: no block, one, fewer and more than a vector, odd, large.
  std::vector<int64_t> sizes() const {
    const int64_t block = info(dtype()).block_size;
    std::vector<int64_t> out;
    for (const int64_t n : {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 100, 1001})
      out.push_back(n * block);
    return out;
  }
};
std::string version_name(const testing::TestParamInfo<Version>& test) {
  return fmt::format("{}_{}", lower(info(test.param.dtype).name), isa_name(test.param.isa));
}
INSTANTIATE_TEST_SUITE_P(All, Codecs, testing::ValuesIn(all_versions()), version_name);

std::vector<float> random_values(Rng& rng, int64_t n) {
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(static_cast<float>(rng.normal()));
  return values;
}

TEST_P(Codecs, EncodesToTheBytesOfTheReference) {
  const auto input = golden<float>("input.f32");
  const auto expected = golden<std::byte>("input." + lower(info(dtype()).name));
  EXPECT_EQ(encode(tested(), input), expected);
}

TEST_P(Codecs, RoundsTiesAndSubnormalsAsTheReference) {
  if (in_blocks()) return;  // the input golden has their ties
  const auto expected = golden<std::byte>("edges." + lower(info(dtype()).name));
  EXPECT_EQ(encode(tested(), golden<float>("edges.f32")), expected);
}

TEST_P(Codecs, DecodesToTheNumbersOfTheReference) {
  const auto bytes = golden<std::byte>("input." + lower(info(dtype()).name));
  const std::string name =
      dtype() == DType::f32 ? "input.f32" : "decoded_" + lower(info(dtype()).name) + ".f32";
  const auto expected = golden<float>(name);
  const auto decoded = decode(tested(), bytes, expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(decoded[i])) << i;
    else
      EXPECT_TRUE(same_bits(decoded[i], expected[i])) << i << ": " << decoded[i];
  }
}

TEST_P(Codecs, DecodingIsWithinTheStepOfTheType) {
  Rng rng(7);
  for (const int64_t n : sizes()) {
    const auto values = random_values(rng, n);
    const auto decoded = decode(tested(), encode(tested(), values), values.size());
    const int64_t block = info(dtype()).block_size;
    for (int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      float most = 0;  // largest magnitude in the block
      for (int64_t k = i / block * block; k < (i / block + 1) * block; ++k)
        most = std::max(most, std::abs(values[static_cast<size_t>(k)]));
      // Half a step, and of blocks the scale's own rounding to 11 bits on top. Q4_0 has 8 steps on
      // one side and 7 on the other, where it can miss a whole one.
      double bound = 0;
      if (dtype() == DType::f16) bound = std::abs(values[at]) * 0x1p-11 + 0x1p-25;
      if (dtype() == DType::bf16) bound = std::abs(values[at]) * 0x1p-8;
      if (dtype() == DType::q8_0) bound = most * (0.5 / 127 + 0x1p-11);
      if (dtype() == DType::q4_0) bound = most * (1.0 / 8 + 0x1p-11);
      ASSERT_LE(std::abs(double{decoded[at]} - double{values[at]}), bound * 1.0001) << i;
    }
  }
}

TEST_P(Codecs, EveryVersionGivesTheBitsOfThePortableOne) {
  Rng rng(8);
  for (const int64_t n : sizes()) {
    auto values = random_values(rng, n);
    for (float& v : values) v *= static_cast<float>(std::exp2(120.0 * rng.uniform() - 60.0));
    const auto bytes = encode(portable(), values);
    ASSERT_EQ(encode(tested(), values), bytes) << n;
    const auto expected = decode(portable(), bytes, values.size());
    const auto decoded = decode(tested(), bytes, values.size());
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_TRUE(same_bits(decoded[i], expected[i]) ||
                  (std::isnan(decoded[i]) && std::isnan(expected[i])))
          << i;
  }
}

TEST_P(Codecs, AnyBitsOfInputEncodeAlikeOnEveryVersion) {
  Rng rng(9);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> values(96);
    for (float& v : values) v = std::bit_cast<float>(static_cast<uint32_t>(rng.next()));
    ASSERT_EQ(encode(tested(), values), encode(portable(), values)) << round;
  }
}

TEST_P(Codecs, AnyBytesDecodeAlikeOnEveryVersion) {
  Rng rng(10);
  const int64_t n = 64 * info(dtype()).block_size;
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(dtype(), n)));
  for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
  const auto expected = decode(portable(), bytes, static_cast<size_t>(n));
  const auto decoded = decode(tested(), bytes, static_cast<size_t>(n));
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(same_bits(decoded[i], expected[i]) ||
                (std::isnan(decoded[i]) && std::isnan(expected[i])))
        << i;
}

TEST_P(Codecs, DotIsTheSumOfTheDecodedRow) {
  Rng rng(11);
  for (const int64_t n : sizes()) {
    const auto bytes = encode(portable(), random_values(rng, n));
    const auto x = random_values(rng, n);
    const auto decoded = decode(portable(), bytes, x.size());
    double exact = 0, scale = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      exact += double{decoded[i]} * double{x[i]};
      scale += std::abs(double{decoded[i]} * double{x[i]});
    }
    const float sum = tested().dot(bytes.data(), x.data(), n);
    // f32 sums round each addition by 2^-24; the longest chain here has some thousand of them, and
    // the errors mostly cancel.
    EXPECT_NEAR(sum, exact, 1e-5 * scale) << n;
    EXPECT_TRUE(same_bits(sum, tested().dot(bytes.data(), x.data(), n))) << "not the same twice";
  }
}

TEST_P(Codecs, NotANumberIsNeverHidden) {
  for (const float bad : {nan, -nan, infinity, -infinity}) {
    for (const size_t at : {0u, 13u, 31u, 40u, 63u}) {
      std::vector<float> values(64, 1.0f);
      values[at] = bad;
      const auto decoded = decode(tested(), encode(tested(), values), 64);
      for (size_t i = 0; i < 64; ++i) {
        if (in_blocks())  // its whole block
          EXPECT_EQ(std::isnan(decoded[i]), i / 32 == at / 32) << at << " " << i;
        else if (i == at && std::isinf(bad))
          EXPECT_EQ(decoded[i], bad);
        else
          EXPECT_EQ(std::isnan(decoded[i]), i == at);
      }
    }
  }
}

TEST_P(Codecs, TinyNumbersBecomeZeroInBlocks) {
  if (!in_blocks()) return;
  for (const float tiny : {1e-45f, 1e-40f, 3e-39f, 1e-38f, 1e-20f}) {
    const std::vector<float> values(32, -tiny);
    for (const float v : decode(tested(), encode(tested(), values), 32)) EXPECT_EQ(v, 0.0f);
  }
}

TEST(Codec, TheBestVersionAllowedIsTaken) {
  EXPECT_EQ(codec(DType::f32), codec(DType::f32, isa_detected()));
  limit_isa(Isa::portable);
  EXPECT_EQ(codec(DType::f32), codec(DType::f32, Isa::portable));
  limit_isa(Isa::avx512);
}

TEST(Codec, SelftestPassesForEveryVersion) {
  const auto rows = selftest_codecs();
  EXPECT_EQ(rows.size(), std::size(every_dtype) * 3 * (static_cast<size_t>(isa_detected()) + 1));
  for (const SelftestRow& row : rows)
    EXPECT_TRUE(row.pass()) << row.what << " " << isa_name(row.isa) << " " << row.difference;
}

TEST(Codec, SelftestRowFailsForWhatIsNotANumber) {
  EXPECT_FALSE((SelftestRow{"x", Isa::portable, std::nan(""), 1}.pass()));
  EXPECT_FALSE((SelftestRow{"x", Isa::portable, 2, 1}.pass()));
  EXPECT_TRUE((SelftestRow{"x", Isa::portable, 1, 1}.pass()));
}

TEST(Half, EveryF16ComesBackFromF32) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = f16_to_f32(half);
    const bool is_nan = (bits & 0x7fff) > 0x7c00;
    EXPECT_EQ(std::isnan(value), is_nan);
    EXPECT_EQ(f32_to_f16(value), is_nan ? (half | 0x200) : half);  // a NaN comes back quiet
  }
}

TEST(Half, EveryBf16ComesBackFromF32) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const bool is_nan = (bits & 0x7fff) > 0x7f80;
    EXPECT_EQ(f32_to_bf16(bf16_to_f32(half)), is_nan ? (half | 0x40) : half);
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(f32_to_f16(1.0f), 0x3c00);
  EXPECT_EQ(f32_to_f16(-2.0f), 0xc000);
  EXPECT_EQ(f32_to_f16(65504.0f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65519.99f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);  // halfway to 65536: to even, which is infinity
  EXPECT_EQ(f32_to_f16(0x1p-24f), 0x0001);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0x0000);    // halfway to 0: to even
  EXPECT_EQ(f32_to_f16(0x1.8p-24f), 0x0002);  // halfway between 1 and 2: to even
  EXPECT_EQ(f32_to_f16(0x1.002p0f), 0x3c00);  // halfway between 1 and its neighbour
  EXPECT_EQ(f32_to_f16(0x1.006p0f), 0x3c02);
  EXPECT_EQ(f32_to_bf16(0x1.01p0f), 0x3f80);
  EXPECT_EQ(f32_to_bf16(0x1.03p0f), 0x3f82);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace quire
