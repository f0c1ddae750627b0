// Every storage type on every instruction set of this machine, against the reference library
// (tools/make_quant_goldens.py), against the portable version, and against what the types promise.
#include "base/file.h"
#include "base/rng.h"
#include "quant/codec.h"
#include "quant/f8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace quire {
namespace {

constexpr DType every_dtype[] = {
#define CODEC(name) DType::name,
#include "quant/codecs.inc"
#undef CODEC
};

std::string lower_name(DType dtype) {
  std::string out(info(dtype).name);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

template <class T>
std::vector<T> golden(const std::string& name) {
  const std::string text = read_file(QUIRE_SOURCE_DIR "/tests/golden/quant/" + name).value();
  std::vector<T> values(text.size() / sizeof(T));
  std::memcpy(values.data(), text.data(), text.size());
  return values;
}

// The same bits, or both not a number.
bool same(float a, float b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

bool in_blocks(DType dtype) { return info(dtype).block_size > 1; }
// Types whose rows come from a codebook: the encoder searches in its own way.
bool from_codebook(DType dtype) {
  return lower_name(dtype).starts_with("iq") && dtype != DType::iq4_nl && dtype != DType::iq4_xs;
}
// Types whose blocks can say that they hold what is not a number.
bool has_nan(DType dtype) {
  return in_blocks(dtype) && dtype != DType::mxfp4 && dtype != DType::nvfp4;
}

std::vector<std::byte> encode(DType dtype, Isa isa, const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(values.size());
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(dtype, n)) + 1, std::byte{0xa5});
  codec(dtype, isa)->encode(values.data(), bytes.data(), n);
  EXPECT_EQ(bytes.back(), std::byte{0xa5}) << "wrote past the end";
  bytes.pop_back();
  return bytes;
}

std::vector<float> decode(DType dtype, Isa isa, const std::vector<std::byte>& bytes) {
  const auto n = static_cast<int64_t>(bytes.size()) / info(dtype).block_bytes;
  const int64_t n_elements = n * info(dtype).block_size;
  std::vector<float> values(static_cast<size_t>(n_elements) + 1, 12345.0f);
  codec(dtype, isa)->decode(bytes.data(), values.data(), n_elements);
  EXPECT_EQ(values.back(), 12345.0f) << "wrote past the end";
  values.pop_back();
  return values;
}

void for_each_version(const std::function<void(DType, Isa)>& body) {
  for (const DType dtype : every_dtype)
    for (int level = 0; level <= static_cast<int>(isa_detected()); ++level) {
      SCOPED_TRACE(fmt::format("{} {}", info(dtype).name, isa_name(static_cast<Isa>(level))));
      body(dtype, static_cast<Isa>(level));
    }
}

TEST(EveryType, HasACodec) {
  constexpr DType all[] = {
#define DTYPE(enumerator, id, name, block_size, block_bytes) DType::enumerator,
#include "tensor/dtypes.inc"
#undef DTYPE
  };
  for (const DType dtype : all) {
    ASSERT_NE(codec(dtype), nullptr) << info(dtype).name;
    EXPECT_EQ(codec(dtype)->dtype, dtype);
  }
}

TEST(EveryType, DecodesToTheBitsOfTheReference) {
  for_each_version([](DType dtype, Isa isa) {
    if (!in_blocks(dtype)) return;
    const auto blocks = golden<std::byte>(lower_name(dtype) + ".blocks");
    const auto expected = golden<float>(lower_name(dtype) + ".decoded");
    ASSERT_GE(expected.size(), 256u);
    const auto decoded = decode(dtype, isa, blocks);
    ASSERT_EQ(decoded.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_TRUE(same(decoded[i], expected[i]))
          << i << ": " << decoded[i] << " instead of " << expected[i];
  });
}

TEST(EveryType, EncodesToTheBytesOfTheReference) {
  const auto values = golden<float>("rows.f32");
  for_each_version([&](DType dtype, Isa isa) {
    if (!in_blocks(dtype) || from_codebook(dtype)) return;
    EXPECT_EQ(encode(dtype, isa, values), golden<std::byte>(lower_name(dtype) + ".encoded"));
  });
}

TEST(EveryType, FromACodebookIsEncodedNoWorseThanByTheReference) {
  const auto values = golden<float>("rows.f32");
  constexpr size_t kind = 512;  // rows.f32 has as many numbers of each kind
  for_each_version([&](DType dtype, Isa isa) {
    if (!from_codebook(dtype)) return;
    const auto ours = decode(dtype, isa, encode(dtype, isa, values));
    const auto theirs = decode(dtype, isa, golden<std::byte>(lower_name(dtype) + ".encoded"));
    double our_sum = 0, their_sum = 0;
    for (size_t first = 0; first < values.size(); first += kind) {
      double our_error = 0, their_error = 0, size = 0;
      for (size_t i = first; i < first + kind; ++i) {
        our_error += std::pow(double{ours[i]} - double{values[i]}, 2);
        their_error += std::pow(double{theirs[i]} - double{values[i]}, 2);
        size += std::pow(double{values[i]}, 2);
      }
      // Both search for the least weighted error, so the plain one may be a hair above.
      EXPECT_LE(our_error, 1.001 * their_error) << first;
      our_sum += our_error / size;
      their_sum += their_error / size;
    }
    EXPECT_LT(our_sum, 0.96 * their_sum);
  });
}

TEST(EveryType, AnyInputEncodesAlikeOnEveryInstructionSet) {
  Rng rng(9);
  for (int round = 0; round < 6; ++round) {
    std::vector<float> values(512);
    for (float& v : values) {
      v = std::bit_cast<float>(static_cast<uint32_t>(rng.next()));
      // Rounds of any bits, of any number up to 2^10, and of numbers below the smallest normal.
      if (round % 3 == 1) v = static_cast<float>(std::exp2(30 * rng.uniform() - 20) * rng.normal());
      if (round % 3 == 2) v = static_cast<float>(rng.normal() * 1e-40);
    }
    for_each_version([&](DType dtype, Isa isa) {
      ASSERT_EQ(encode(dtype, isa, values), encode(dtype, Isa::portable, values)) << round;
    });
  }
}

TEST(EveryType, AnyBytesDecodeAlikeOnEveryInstructionSet) {
  Rng rng(10);
  for_each_version([&](DType dtype, Isa isa) {
    std::vector<std::byte> bytes(static_cast<size_t>(61 * info(dtype).block_bytes));
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng.next());
    const auto expected = decode(dtype, Isa::portable, bytes), decoded = decode(dtype, isa, bytes);
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_TRUE(same(decoded[i], expected[i])) << i;
  });
}

TEST(EveryType, BlocksMayLieAnywhere) {
  const auto values = golden<float>("rows.f32");
  for_each_version([&](DType dtype, Isa isa) {
    const auto bytes = encode(dtype, isa, values);
    std::vector<std::byte> shifted(bytes.size() + 1);
    std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
    std::vector<float> decoded(values.size());
    codec(dtype, isa)
        ->decode(shifted.data() + 1, decoded.data(), static_cast<int64_t>(values.size()));
    EXPECT_EQ(decoded, decode(dtype, isa, bytes));
  });
}

TEST(EveryType, DotIsTheSumOfTheDecodedRow) {
  Rng rng(11);
  for_each_version([&](DType dtype, Isa isa) {
    for (const int64_t n_blocks : {0, 1, 2, 5, 37}) {
      const int64_t n = n_blocks * info(dtype).block_size;
      if (n > 2048) continue;
      std::vector<float> values, x;
      for (int64_t i = 0; i < n; ++i) {
        values.push_back(static_cast<float>(10 * rng.normal()));
        x.push_back(static_cast<float>(rng.normal()));
      }
      const auto bytes = encode(dtype, Isa::portable, values);
      const auto decoded = decode(dtype, Isa::portable, bytes);
      double exact = 0, size = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        exact += double{decoded[i]} * double{x[i]};
        size += std::abs(double{decoded[i]} * double{x[i]});
      }
      // f32 sums round each addition by 2^-24 of the sum so far; there are at most 256 in a chain.
      EXPECT_NEAR(codec(dtype, isa)->dot(bytes.data(), x.data(), n), exact, 1e-5 * size) << n;
    }
  });
}

TEST(EveryType, NotANumberFillsItsBlock) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for_each_version([&](DType dtype, Isa isa) {
    const auto block = static_cast<size_t>(info(dtype).block_size);
    if (!has_nan(dtype)) return;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
      std::vector<float> values(2 * block, 1.0f);
      values[block + block / 3] = bad;
      const auto decoded = decode(dtype, isa, encode(dtype, isa, values));
      for (size_t i = 0; i < values.size(); ++i)
        ASSERT_EQ(std::isnan(decoded[i]), i >= block) << i << " " << bad;
    }
  });
}

TEST(EveryType, InfinityStaysInMxfp4AndIsTheLargestNumberInNvfp4) {
  std::vector<float> values(64, 1.0f);
  values[3] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(decode(DType::mxfp4, Isa::portable, encode(DType::mxfp4, Isa::portable, values))[3],
            values[3]);
  EXPECT_EQ(decode(DType::nvfp4, Isa::portable, encode(DType::nvfp4, Isa::portable, values))[3],
            -2688.0f);
}

TEST(EveryType, WholeNumbersAreRoundedToEvenAndSaturate) {
  const std::vector<float> values = {0.5f,   1.5f,   -2.5f,   3.49f,  -3.51f, 1e30f,
                                     -1e30f, 127.0f, -128.0f, 200.0f, NAN,    -INFINITY};
  for (int level = 0; level <= static_cast<int>(isa_detected()); ++level) {
    const auto round_trip = [&](DType dtype) {
      const Isa isa = static_cast<Isa>(level);
      return decode(dtype, isa, encode(dtype, isa, values));
    };
    EXPECT_EQ(round_trip(DType::i8),
              (std::vector<float>{0, 2, -2, 3, -4, 127, -128, 127, -128, 127, 0, -128}));
    EXPECT_EQ(round_trip(DType::i16),
              (std::vector<float>{0, 2, -2, 3, -4, 32767, -32768, 127, -128, 200, 0, -32768}));
    EXPECT_EQ(round_trip(DType::i32)[5], 0x1p31f);
    EXPECT_EQ(round_trip(DType::i32)[6], -0x1p31f);
    EXPECT_EQ(round_trip(DType::i64)[5], 0x1p63f);
    EXPECT_EQ(round_trip(DType::i64)[11], -0x1p63f);
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_TRUE(same(round_trip(DType::f64)[i], values[i])) << i;
  }
}

TEST(EightBitFloats, EveryByteIsReadAsTorchReadsIt) {
  std::vector<std::byte> bytes(256);
  for (size_t i = 0; i < 256; ++i) bytes[i] = static_cast<std::byte>(i);
  std::vector<float> e4m3(256), e5m2(256);
  decode_f8_e4m3(bytes.data(), e4m3.data(), 256);
  decode_f8_e5m2(bytes.data(), e5m2.data(), 256);
  const auto expected_e4m3 = golden<float>("f8_e4m3.decoded");
  const auto expected_e5m2 = golden<float>("f8_e5m2.decoded");
  ASSERT_EQ(expected_e4m3.size(), 256u);
  ASSERT_EQ(expected_e5m2.size(), 256u);
  for (size_t i = 0; i < 256; ++i) {
    EXPECT_TRUE(same(e4m3[i], expected_e4m3[i])) << i;
    EXPECT_TRUE(same(e5m2[i], expected_e5m2[i])) << i;
  }
}

}  // namespace
}  // namespace quire
