// Q4_0: blocks of 32 elements, an f16 scale d and 16 bytes; byte j holds element j in its low four
// bits and element j + 16 in its high ones, as q + 8;  x = d q, q in [-8, 7].
// Encode: d = m / -8 with m the element of largest magnitude, the first of equals;
// q + 8 = min(15, trunc(x / d + 8.5)), with d before its rounding to f16. Source: ggml-quants.c,
// quantize_row_q4_0_ref.
//
// dot: d * sum(q x) block by block; two vectors of block sums in flight.
#include "quant/codec.h"
#include "quant/half.h"
#include "quant/simd.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace quire {
namespace {

constexpr int64_t block_size = 32, block_bytes = 18;

// Stores the scale and returns what to multiply by to get quants: 0 when the block is all zeros or
// so small that the scale has no finite reciprocal (as an f16 it is 0 then, too). A block that
// holds a NaN or an infinity gets a NaN as scale, so that all of it decodes to NaN and nobody
// misses it.
inline float store_scale(std::byte* block, uint32_t magnitude, float d) {
  const bool finite = magnitude < 0x7f800000u;
  const uint16_t bits = finite ? f32_to_f16(d) : uint16_t{0x7e00};
  __builtin_memcpy(block, &bits, sizeof bits);
  const float inverse = d == 0 ? 0.0f : 1.0f / d;
  return finite && inverse <= 3.402823466e38f && inverse >= -3.402823466e38f ? inverse : 0.0f;
}

namespace portable {

// The largest magnitude of a block, as the bits of an f32: those order like the magnitudes, and
// every infinity and NaN is above every number.
uint32_t magnitude_max(const float* x) {
  uint32_t most = 0;
  for (int j = 0; j < block_size; ++j) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(x[j]) & 0x7fffffffu;
    if (magnitude > most) most = magnitude;
  }
  return most;
}

inline float load_scale(const std::byte* block) {
  uint16_t bits;
  std::memcpy(&bits, block, sizeof bits);
  return f16_to_f32(bits);
}

inline int quant(const std::byte* block, int j) {
  const auto both = static_cast<unsigned>(block[2 + j % 16]);
  return static_cast<int>(j < 16 ? both & 15u : both >> 4) - 8;
}

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, src += block_bytes)
    for (int j = 0; j < block_size; ++j)
      dst[i + j] = load_scale(src) * static_cast<float>(quant(src, j));
}

// The first element of the given magnitude.
inline float element_of(const float* x, uint32_t magnitude) {
  int j = 0;
  while ((std::bit_cast<uint32_t>(x[j]) & 0x7fffffffu) != magnitude) ++j;
  return x[j];
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, dst += block_bytes) {
    const float* x = src + i;
    const uint32_t most = magnitude_max(x);
    const float inverse = store_scale(dst, most, element_of(x, most) / -8.0f);
    const auto shifted = [&](int j) -> unsigned {
      if (inverse == 0) return 8;
      const auto q = static_cast<unsigned>(rounded(x[j] * inverse) + 8.5f);
      return q < 15 ? q : 15;
    };
    for (int j = 0; j < 16; ++j)
      dst[2 + j] = static_cast<std::byte>(shifted(j) | (shifted(j + 16) << 4));
  }
}

float dot(const std::byte* a, const float* x, int64_t n) {
  float sum[4] = {};
  for (int64_t i = 0; i < n; i += block_size, a += block_bytes) {
    float part[4] = {};
    for (int j = 0; j < block_size; ++j) part[j % 4] += static_cast<float>(quant(a, j)) * x[i + j];
    for (int k = 0; k < 4; ++k) sum[k] += load_scale(a) * part[k];
  }
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

}  // namespace portable

#ifdef QUIRE_X86

ISA_BEGIN_AVX2
namespace avx2 {
using namespace codec_avx2;

struct Quants {
  __m128i low, high;  // elements 0 to 15 and 16 to 31, signed bytes
};
CODEC_INLINE Quants load_quants(const std::byte* block) {
  const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 2));
  const __m128i mask = _mm_set1_epi8(15), eight = _mm_set1_epi8(8);
  return {_mm_sub_epi8(_mm_and_si128(both, mask), eight),
          _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(both, 4), mask), eight)};
}

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, src += block_bytes) {
    const __m256 d = _mm256_set1_ps(scale(src));
    const Quants q = load_quants(src);
    _mm256_storeu_ps(dst + i, _mm256_mul_ps(d, floats8(q.low)));
    _mm256_storeu_ps(dst + i + 8, _mm256_mul_ps(d, floats8(_mm_srli_si128(q.low, 8))));
    _mm256_storeu_ps(dst + i + 16, _mm256_mul_ps(d, floats8(q.high)));
    _mm256_storeu_ps(dst + i + 24, _mm256_mul_ps(d, floats8(_mm_srli_si128(q.high, 8))));
  }
}

// Sixteen elements as q + 8, one per byte.
CODEC_INLINE __m128i shifted16(const float* x, __m256 inverse) {
  __m256i q[2];
  for (int k = 0; k < 2; ++k) {
    const __m256 scaled = rounded8(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * k), inverse));
    const __m256i whole = _mm256_cvttps_epi32(_mm256_add_ps(scaled, _mm256_set1_ps(8.5f)));
    q[k] = _mm256_min_epi32(whole, _mm256_set1_epi32(15));
  }
  // The pack works within 128-bit halves; the permutation puts the groups of four in order.
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[0], q[1]), 0xd8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, dst += block_bytes) {
    const float* x = src + i;
    const uint32_t most = magnitude_max32(x);
    const float inverse = store_scale(dst, most, portable::element_of(x, most) / -8.0f);
    if (inverse == 0) {
      __builtin_memset(dst + 2, 0x88, 16);
      continue;
    }
    const __m128i low = shifted16(x, _mm256_set1_ps(inverse));
    const __m128i high = shifted16(x + 16, _mm256_set1_ps(inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + 2),
                     _mm_or_si128(low, _mm_slli_epi16(high, 4)));
  }
}

float dot(const std::byte* a, const float* x, int64_t n) {
  __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0;
  for (int64_t i = 0; i < n; i += block_size, a += block_bytes) {
    const Quants q = load_quants(a);
    __m256 even = _mm256_mul_ps(floats8(q.low), _mm256_loadu_ps(x + i));
    __m256 odd = _mm256_mul_ps(floats8(_mm_srli_si128(q.low, 8)), _mm256_loadu_ps(x + i + 8));
    even = _mm256_fmadd_ps(floats8(q.high), _mm256_loadu_ps(x + i + 16), even);
    odd = _mm256_fmadd_ps(floats8(_mm_srli_si128(q.high, 8)), _mm256_loadu_ps(x + i + 24), odd);
    const __m256 d = _mm256_set1_ps(scale(a));
    sum0 = _mm256_fmadd_ps(d, even, sum0);
    sum1 = _mm256_fmadd_ps(d, odd, sum1);
  }
  return sum8(_mm256_add_ps(sum0, sum1));
}

}  // namespace avx2
ISA_END

ISA_BEGIN_AVX512
namespace avx512 {
using namespace codec_avx512;

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, src += block_bytes) {
    const __m512 d = _mm512_set1_ps(codec_avx2::scale(src));
    const avx2::Quants q = avx2::load_quants(src);
    _mm512_storeu_ps(dst + i, _mm512_mul_ps(d, floats16(q.low)));
    _mm512_storeu_ps(dst + i + 16, _mm512_mul_ps(d, floats16(q.high)));
  }
}

// The AVX2 version: a block is half a cache line of work between two scalar divisions.
void encode(const float* src, std::byte* dst, int64_t n) { avx2::encode(src, dst, n); }

float dot(const std::byte* a, const float* x, int64_t n) {
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
  for (int64_t i = 0; i < n; i += block_size, a += block_bytes) {
    const avx2::Quants q = avx2::load_quants(a);
    const __m512 d = _mm512_set1_ps(codec_avx2::scale(a));
    const __m512 even = _mm512_mul_ps(floats16(q.low), _mm512_loadu_ps(x + i));
    const __m512 odd = _mm512_mul_ps(floats16(q.high), _mm512_loadu_ps(x + i + 16));
    sum0 = _mm512_fmadd_ps(d, even, sum0);
    sum1 = _mm512_fmadd_ps(d, odd, sum1);
  }
  return sum16(_mm512_add_ps(sum0, sum1));
}

}  // namespace avx512
ISA_END

#endif  // QUIRE_X86

constexpr Codec versions[] = {
    {DType::q4_0, portable::decode, portable::encode, portable::dot},
#ifdef QUIRE_X86
    {DType::q4_0, avx2::decode, avx2::encode, avx2::dot},
    {DType::q4_0, avx512::decode, avx512::encode, avx512::dot},
#endif
};

}  // namespace

const Codec& codec_q4_0(Isa isa) { return versions[static_cast<int>(isa)]; }

}  // namespace quire
