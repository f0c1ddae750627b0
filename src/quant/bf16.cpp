// BF16: 2 bytes per element, the upper half of an f32. Encode rounds to nearest, ties to even, and
// keeps NaN (quant/half.h). The processor's own conversion (AVX512-BF16) is not used for it: it
// turns subnormal numbers into zero, and a decoded row must encode back to the same bits.
//
// dot: as in f32.cpp, four vectors in flight.
#include "quant/codec.h"
#include "quant/half.h"
#include "quant/simd.h"

#include <cstring>

namespace quire {
namespace {

namespace portable {

inline float load(const std::byte* src, int64_t i) {
  uint16_t bits;
  std::memcpy(&bits, src + 2 * i, sizeof bits);
  return bf16_to_f32(bits);
}

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = load(src, i);
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = f32_to_bf16(src[i]);
    std::memcpy(dst + 2 * i, &bits, sizeof bits);
  }
}

float dot(const std::byte* a, const float* x, int64_t n) {
  float sum[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) sum[k] += load(a, i + k) * x[i + k];
  for (int k = 0; i < n; ++i, ++k) sum[k] += load(a, i) * x[i];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

}  // namespace portable

#ifdef QUIRE_X86

ISA_BEGIN_AVX2
namespace avx2 {
using namespace codec_avx2;

CODEC_INLINE __m256 load8(const std::byte* src) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(src));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
CODEC_INLINE __m128i to_bits(__m256 values) {
  const __m256i bits = _mm256_castps_si256(values), upper = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
  const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
  const __m256i number = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
  const __m256i nan = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
  const __m256 is_nan = _mm256_cmp_ps(values, values, _CMP_UNORD_Q);
  const __m256i chosen = _mm256_blendv_epi8(number, nan, _mm256_castps_si256(is_nan));
  return _mm_packus_epi32(_mm256_castsi256_si128(chosen), _mm256_extracti128_si256(chosen, 1));
}

void decode(const std::byte* src, float* dst, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(dst + i, load8(src + 2 * i));
  portable::decode(src + 2 * i, dst + i, n - i);
}

void encode(const float* src, std::byte* dst, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst + 2 * i), to_bits(_mm256_loadu_ps(src + i)));
  portable::encode(src + i, dst + 2 * i, n - i);
}

float dot(const std::byte* a, const float* x, int64_t n) {
  __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    sum0 = _mm256_fmadd_ps(load8(a + 2 * i), _mm256_loadu_ps(x + i), sum0);
    sum1 = _mm256_fmadd_ps(load8(a + 2 * i + 16), _mm256_loadu_ps(x + i + 8), sum1);
    sum2 = _mm256_fmadd_ps(load8(a + 2 * i + 32), _mm256_loadu_ps(x + i + 16), sum2);
    sum3 = _mm256_fmadd_ps(load8(a + 2 * i + 48), _mm256_loadu_ps(x + i + 24), sum3);
  }
  for (; i + 8 <= n; i += 8) sum0 = _mm256_fmadd_ps(load8(a + 2 * i), _mm256_loadu_ps(x + i), sum0);
  const float total = sum8(_mm256_add_ps(_mm256_add_ps(sum0, sum1), _mm256_add_ps(sum2, sum3)));
  return total + portable::dot(a + 2 * i, x + i, n - i);
}

}  // namespace avx2
ISA_END

ISA_BEGIN_AVX512
namespace avx512 {
using namespace codec_avx512;

CODEC_INLINE __m512 widen(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
CODEC_INLINE __m512 load16(const std::byte* src) {
  return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(src)));
}
CODEC_INLINE __m512 load_first(const std::byte* src, __mmask16 mask) {
  return widen(_mm256_maskz_loadu_epi16(mask, src));
}
CODEC_INLINE __m256i to_bits(__m512 values) {
  const __m512i bits = _mm512_castps_si512(values), upper = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
  const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
  const __m512i number = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
  const __m512i nan = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(is_nan, number, nan));
}

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first16(n - i);
    _mm512_mask_storeu_ps(dst + i, mask, load_first(src + 2 * i, mask));
  }
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first16(n - i);
    _mm256_mask_storeu_epi16(dst + 2 * i, mask, to_bits(_mm512_maskz_loadu_ps(mask, src + i)));
  }
}

float dot(const std::byte* a, const float* x, int64_t n) {
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    sum0 = _mm512_fmadd_ps(load16(a + 2 * i), _mm512_loadu_ps(x + i), sum0);
    sum1 = _mm512_fmadd_ps(load16(a + 2 * i + 32), _mm512_loadu_ps(x + i + 16), sum1);
    sum2 = _mm512_fmadd_ps(load16(a + 2 * i + 64), _mm512_loadu_ps(x + i + 32), sum2);
    sum3 = _mm512_fmadd_ps(load16(a + 2 * i + 96), _mm512_loadu_ps(x + i + 48), sum3);
  }
  for (; i < n; i += 16) {
    const __mmask16 mask = first16(n - i);
    sum0 = _mm512_fmadd_ps(load_first(a + 2 * i, mask), _mm512_maskz_loadu_ps(mask, x + i), sum0);
  }
  return sum16(_mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
}

}  // namespace avx512
ISA_END

#endif  // QUIRE_X86

constexpr Codec versions[] = {
    {DType::bf16, portable::decode, portable::encode, portable::dot},
#ifdef QUIRE_X86
    {DType::bf16, avx2::decode, avx2::encode, avx2::dot},
    {DType::bf16, avx512::decode, avx512::encode, avx512::dot},
#endif
};

}  // namespace

const Codec& codec_bf16(Isa isa) { return versions[static_cast<int>(isa)]; }

}  // namespace quire
