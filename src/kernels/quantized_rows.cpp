#include "kernels/quantized_rows.h"

#include "kernels/simd.h"
#include "kernels/unpack.h"
#include "quant/half.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace quire {
namespace {

// What turns a group with this largest magnitude (as bits, so that NaN is larger than any number)
// into q and back.
struct Scale {
  float scale, inverse;
};
Scale scale_for(uint32_t most_bits, float largest_q) {
  const float most = std::bit_cast<float>(most_bits);
  const float inverse = most >= 1e-30f ? largest_q / most : 0.0f;
  return {inverse == 0 ? most * 0.0f : most / largest_q, inverse};
}

// From sums of 4 neighbours to the sums of groups.
void fill_sums(Q8Chunk& to, const int32_t (&sums4)[64]) {
  for (int g = 0; g < 16; ++g) {
    const int32_t* s = sums4 + 4 * g;
    const int32_t sum = s[0] + s[1] + s[2] + s[3];
    to.init16[g] = -128 * sum;
    to.whole16[g] = static_cast<int16_t>(sum);
  }
  for (int g = 0; g < 8; ++g) {
    to.init32[g] = to.init16[2 * g] + to.init16[2 * g + 1];
    to.whole32[g] = static_cast<int16_t>(to.whole16[2 * g] + to.whole16[2 * g + 1]);
    to.sum32[g] = static_cast<float>(to.whole32[g]);
  }
  std::memset(to.unused, 0, sizeof to.unused);
}

}  // namespace

namespace portable {
namespace {

uint32_t most_bits(const float* x, int64_t n) {
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i)
    most = std::max(most, std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu);
  return most;
}

// Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
template <class Q>
Q rounded(float v) {
  constexpr float magic = 12582912.0f;
  const uint32_t bits = std::bit_cast<uint32_t>(v + magic) - std::bit_cast<uint32_t>(magic);
  return v == v ? static_cast<Q>(bits) : std::numeric_limits<Q>::min();
}

void round_group(int8_t* q, const float* x, int64_t n, float inverse) {
  for (int64_t i = 0; i < n; ++i) q[i] = rounded<int8_t>(x[i] * inverse);
}

void round_32(int16_t* q, const float* x, float inverse) {
  for (int64_t i = 0; i < 32; ++i) q[i] = rounded<int16_t>(x[i] * inverse);
}

void sum_fours(int32_t (&sums4)[64], const int8_t* q) {
  for (int i = 0; i < 64; ++i) sums4[i] = q[4 * i] + q[4 * i + 1] + q[4 * i + 2] + q[4 * i + 3];
}

void to_bf16(uint16_t* to, const float* x) {
  for (int64_t i = 0; i < chunk_width; ++i) to[i] = f32_to_bf16(x[i]);
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/quantized_rows_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
namespace {

void quantize_chunk(Q8Chunk& to, const float* x, RowFormat format) {
  const auto most_bits = KERNEL_VERSION(most_bits);
  const auto round_group = KERNEL_VERSION(round_group);
  const int64_t group = format == RowFormat::q8_32 ? 32 : chunk_width;
  for (int64_t i = 0; i < chunk_width; i += group) {
    const Scale scale = scale_for(most_bits(x + i, group), 127);
    round_group(to.q + i, x + i, group, scale.inverse);
    for (int64_t g = i / 32; g < (i + group) / 32; ++g) to.scale[g] = scale.scale;
  }
  int32_t sums4[64];
  KERNEL_VERSION(sum_fours)(sums4, to.q);
  fill_sums(to, sums4);
}

void quantize_chunk(Q14Chunk& to, const float* x) {
  for (int64_t g = 0; g < 8; ++g) {
    const Scale scale = scale_for(KERNEL_VERSION(most_bits)(x + 32 * g, 32), 8191);
    KERNEL_VERSION(round_32)(to.q + 32 * g, x + 32 * g, scale.inverse);
    to.scale[g] = scale.scale;
  }
}

}  // namespace

RowFormat row_format(DType weights, Precision precision) {
  if (precision == Precision::exact) return RowFormat::f32;
  if (weights == DType::bf16) return RowFormat::bf16;
  if (weights == DType::f16) return RowFormat::q14_32;
  const Unpacking* unpacking = find_unpacking(weights);
  return unpacking == nullptr ? RowFormat::f32 : unpacking->rows;
}

int64_t chunk_bytes(RowFormat format) {
  return format == RowFormat::q14_32 ? sizeof(Q14Chunk) : sizeof(Q8Chunk);
}

int64_t quantized_rows_bytes(RowFormat format, int64_t n, int64_t width) {
  return n * ((width + chunk_width - 1) / chunk_width) * chunk_bytes(format);
}

void quantize_rows(const QuantizedRows& to, Rows<const float> x, int64_t begin, int64_t end) {
  CHECK(x.n == to.n && x.width == to.width && begin >= 0 && end <= x.n);
  for (int64_t t = begin; t < end; ++t) quantize_row(to, t, x.row(t));
}

void quantize_row(const QuantizedRows& to, int64_t t, const float* x) {
  CHECK(to.format != RowFormat::f32 && t >= 0 && t < to.n);
  const auto to_bf16 = KERNEL_VERSION(to_bf16);
  for (int64_t c = 0; c < to.n_chunks(); ++c) {
    const float* from = x + c * chunk_width;
    float padded[chunk_width];
    if (const int64_t rest = to.width - c * chunk_width; rest < chunk_width) {
      std::copy_n(from, rest, padded);
      std::fill(padded + rest, padded + chunk_width, 0.0f);
      from = padded;
    }
    if (to.format == RowFormat::bf16)
      to_bf16(to.chunks<Bf16Chunk>(c)[t].x, from);
    else if (to.format == RowFormat::q14_32)
      quantize_chunk(to.chunks<Q14Chunk>(c)[t], from);
    else
      quantize_chunk(to.chunks<Q8Chunk>(c)[t], from, to.format);
  }
}

}  // namespace quire
