// Small pieces shared by the vector versions of the codecs. Only for codec files.
#pragma once
#include "base/isa.h"

#include <cstdint>

namespace quire {

// The value rounded to f32, as a compiler may not fuse what made it with what follows into one
// multiply-add: encoders must give the reference's bits.
inline float rounded(float value) {
#if defined(QUIRE_X86)
  asm("" : "+x"(value));
  return value;
#else
  volatile float stored = value;
  return stored;
#endif
}

}  // namespace quire

#ifdef QUIRE_X86

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the undefined operands inside its own AVX-512 intrinsics for mistakes (GCC bug
// 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define CODEC_INLINE static inline __attribute__((always_inline, unused))

ISA_BEGIN_AVX2
namespace quire::codec_avx2 {

// The sum of the lanes, always in the same order.
CODEC_INLINE float sum8(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
// As rounded().
CODEC_INLINE __m256 rounded8(__m256 v) {
  asm("" : "+x"(v));
  return v;
}
// The f16 scale that opens a block.
CODEC_INLINE float scale(const std::byte* block) {
  unsigned short bits;
  __builtin_memcpy(&bits, block, sizeof bits);
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}
// Eight bytes as signed integers, in f32.
CODEC_INLINE __m256 floats8(__m128i bytes) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
}
// The largest of 32 magnitudes as the bits of an f32. Magnitudes order like their bits, and every
// infinity and NaN is above every number.
CODEC_INLINE uint32_t magnitude_max32(const float* x) {
  const __m256i mask = _mm256_set1_epi32(0x7fffffff);
  __m256i most = _mm256_setzero_si256();
  for (int i = 0; i < 32; i += 8) {
    const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
    most = _mm256_max_epi32(most, _mm256_and_si256(bits, mask));
  }
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(four));
}

}  // namespace quire::codec_avx2
ISA_END

ISA_BEGIN_AVX512
namespace quire::codec_avx512 {

// The sum of the lanes, always in the same order.
CODEC_INLINE float sum16(__m512 v) {
  const __m256 low = _mm512_castps512_ps256(v), high = _mm512_extractf32x8_ps(v, 1);
  return codec_avx2::sum8(_mm256_add_ps(low, high));
}
// The first n lanes, at most 16.
CODEC_INLINE __mmask16 first16(int64_t n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffff : (1 << n) - 1);
}
// Sixteen bytes as signed integers, in f32.
CODEC_INLINE __m512 floats16(__m128i bytes) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

}  // namespace quire::codec_avx512
ISA_END

#endif  // QUIRE_X86
