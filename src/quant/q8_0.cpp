// Q8_0: blocks of 32 elements, an f16 scale d and 32 signed bytes q;  x = d q.
// Encode: d = max|x| / 127, q = x / d rounded half away from zero, with d before its rounding to
// f16. Source: ggml-quants.c, quantize_row_q8_0_ref.
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

constexpr int64_t block_size = 32, block_bytes = 34;

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

inline int quant(const std::byte* block, int j) { return static_cast<int8_t>(block[2 + j]); }

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, src += block_bytes)
    for (int j = 0; j < block_size; ++j)
      dst[i + j] = load_scale(src) * static_cast<float>(quant(src, j));
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, dst += block_bytes) {
    const uint32_t most = magnitude_max(src + i);
    const float inverse = store_scale(dst, most, std::bit_cast<float>(most) / 127.0f);
    for (int j = 0; j < block_size; ++j) {
      const float scaled = inverse == 0 ? 0.0f : rounded(src[i + j] * inverse);
      dst[2 + j] = static_cast<std::byte>(static_cast<int8_t>(std::round(scaled)));
    }
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
  return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 2)),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 18))};
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

// To the nearest integer, halves away from zero.
CODEC_INLINE __m256i round8(__m256 v) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const __m256 whole = _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  const __m256 rest = _mm256_andnot_ps(sign, _mm256_sub_ps(v, whole));  // exact
  const __m256 up = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
  const __m256 one = _mm256_or_ps(_mm256_and_ps(v, sign), _mm256_set1_ps(1.0f));
  return _mm256_cvttps_epi32(_mm256_add_ps(whole, _mm256_and_ps(up, one)));
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block_size, dst += block_bytes) {
    const uint32_t most = magnitude_max32(src + i);
    float amax;
    __builtin_memcpy(&amax, &most, sizeof amax);
    const float inverse = store_scale(dst, most, amax / 127.0f);
    if (inverse == 0) {
      __builtin_memset(dst + 2, 0, block_size);
      continue;
    }
    const __m256 scale = _mm256_set1_ps(inverse);
    __m256i q[4];
    for (int k = 0; k < 4; ++k)
      q[k] = round8(rounded8(_mm256_mul_ps(_mm256_loadu_ps(src + i + 8 * k), scale)));
    // The packs work within 128-bit halves; the permutation puts the groups of four in order.
    const __m256i packed =
        _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(dst + 2),
                        _mm256_permutevar8x32_epi32(packed, order));
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
    {DType::q8_0, portable::decode, portable::encode, portable::dot},
#ifdef QUIRE_X86
    {DType::q8_0, avx2::decode, avx2::encode, avx2::dot},
    {DType::q8_0, avx512::decode, avx512::encode, avx512::dot},
#endif
};

}  // namespace

const Codec& codec_q8_0(Isa isa) { return versions[static_cast<int>(isa)]; }

}  // namespace quire
