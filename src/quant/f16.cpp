// F16: 2 bytes per element, IEEE 754 binary16. Encode rounds to nearest, ties to even, overflows to
// infinity and keeps NaN (quant/half.h); the F16C instructions do the same.
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
  return f16_to_f32(bits);
}

void decode(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = load(src, i);
}

void encode(const float* src, std::byte* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint16_t bits = f32_to_f16(src[i]);
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
  return _mm256_cvtph_ps(bits);
}
CODEC_INLINE __m128i to_bits(__m256 values) {
  return _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
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

CODEC_INLINE __m512 widen(__m256i bits) { return _mm512_cvtph_ps(bits); }
CODEC_INLINE __m512 load16(const std::byte* src) {
  return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(src)));
}
CODEC_INLINE __m512 load_first(const std::byte* src, __mmask16 mask) {
  return widen(_mm256_maskz_loadu_epi16(mask, src));
}
CODEC_INLINE __m256i to_bits(__m512 values) {
  return _mm512_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT);
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
    {DType::f16, portable::decode, portable::encode, portable::dot},
#ifdef QUIRE_X86
    {DType::f16, avx2::decode, avx2::encode, avx2::dot},
    {DType::f16, avx512::decode, avx512::encode, avx512::dot},
#endif
};

}  // namespace

const Codec& codec_f16(Isa isa) { return versions[static_cast<int>(isa)]; }

}  // namespace quire
