// Vectors of f32 under one set of names for each instruction set, so that a kernel's vector version
// is written once (in its _simd.inc file) and compiled for AVX2 and for AVX-512. Only for kernel
// files.
//
// In namespace avx2 and avx512:  F a vector of n_lanes floats, M a mask;  *_part touches the first
// n lanes only (0 < n < n_lanes), the others read as zero.
#pragma once
#include "base/isa.h"

#include <cstdint>

#ifdef QUIRE_X86

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the undefined operands inside its own AVX-512 intrinsics for mistakes (GCC bug
// 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define SIMD_INLINE static inline __attribute__((always_inline, unused))
// The same for members and functions inside a struct.
#define SIMD_MEMBER inline __attribute__((always_inline))

ISA_BEGIN_AVX2
namespace quire::avx2 {

using F = __m256;
using M = __m256;
constexpr int64_t n_lanes = 8;

SIMD_INLINE __m256i part_mask(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SIMD_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
SIMD_INLINE F load_part(const float* p, int64_t n) { return _mm256_maskload_ps(p, part_mask(n)); }
SIMD_INLINE void store(float* p, F v) { _mm256_storeu_ps(p, v); }
SIMD_INLINE void store_part(float* p, F v, int64_t n) { _mm256_maskstore_ps(p, part_mask(n), v); }
SIMD_INLINE F set(float a) { return _mm256_set1_ps(a); }
SIMD_INLINE F zero() { return _mm256_setzero_ps(); }
SIMD_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
SIMD_INLINE F sub(F a, F b) { return _mm256_sub_ps(a, b); }
SIMD_INLINE F mul(F a, F b) { return _mm256_mul_ps(a, b); }
SIMD_INLINE F div(F a, F b) { return _mm256_div_ps(a, b); }
SIMD_INLINE F sqrt(F a) { return _mm256_sqrt_ps(a); }
SIMD_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }      // a b + c
SIMD_INLINE F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }    // c - a b
SIMD_INLINE F max(F a, F b) { return _mm256_max_ps(a, b); }                // b when either is NaN
SIMD_INLINE F min(F a, F b) { return _mm256_min_ps(a, b); }                // b when either is NaN
SIMD_INLINE F round(F a) { return _mm256_round_ps(a, 0x8); }               // to nearest even
SIMD_INLINE M less(F a, F b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }   // false with NaN
SIMD_INLINE F select(M m, F a, F b) { return _mm256_blendv_ps(b, a, m); }  // m ? a : b
SIMD_INLINE F abs(F a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
// The magnitude of a with the sign of b; a >= 0.
SIMD_INLINE F with_sign(F a, F b) {
  return _mm256_or_ps(a, _mm256_and_ps(_mm256_set1_ps(-0.0f), b));
}
// a 2^n for whole n in [-252, 254], a and the result normal or the result infinite.
SIMD_INLINE F scale_by_power(F a, F n) {
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i p = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i q = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(p)), _mm256_castsi256_ps(q));
}
// a = mantissa 2^exponent, mantissa in [1/2, 1), for positive normal a.
SIMD_INLINE F exponent_of(F a) {
  const __m256i e = _mm256_srli_epi32(_mm256_castps_si256(a), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(126)));
}
SIMD_INLINE F mantissa_of(F a) {
  const __m256 fraction = _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffff)));
  return _mm256_or_ps(fraction, _mm256_set1_ps(0.5f));
}
SIMD_INLINE float first(F a) { return _mm256_cvtss_f32(a); }
SIMD_INLINE float sum(F a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SIMD_INLINE float max_of(F a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
SIMD_INLINE double sum_double(F a) {
  __m256d s = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a)),
                            _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)));
  __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
  return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}
// (x0 x1 x2 ...) <-> evens (x0 x2 ...) and odds (x1 x3 ...) of two vectors.
SIMD_INLINE void unzip(F a, F b, F& evens, F& odds) {
  const F low = _mm256_permute2f128_ps(a, b, 0x20), high = _mm256_permute2f128_ps(a, b, 0x31);
  evens = _mm256_shuffle_ps(low, high, 0x88);
  odds = _mm256_shuffle_ps(low, high, 0xdd);
}
SIMD_INLINE void zip(F evens, F odds, F& a, F& b) {
  const F low = _mm256_unpacklo_ps(evens, odds), high = _mm256_unpackhi_ps(evens, odds);
  a = _mm256_permute2f128_ps(low, high, 0x20);
  b = _mm256_permute2f128_ps(low, high, 0x31);
}

// Four floats from each of p and p + step.
SIMD_INLINE F quads(const float* p, int64_t step) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + step), 1);
}
// Transposes the 4 x 4 matrices that lie in the same 128 bits of a, b, c, d.
SIMD_INLINE void transpose4(F& a, F& b, F& c, F& d) {
  const F ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
  const F cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
  a = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
  b = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
  c = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
  d = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
}
// The sums of four vectors.
SIMD_INLINE __m128 sum4(F a, F b, F c, F d) {
  transpose4(a, b, c, d);
  const F s = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
  return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

// n_lanes numbers of f16, of bf16.
SIMD_INLINE F from_f16(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
SIMD_INLINE F from_bf16(const void* p) {
  const __m128i bits = _mm_loadu_si128(static_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
// 16 signed bytes as 16 / n_lanes vectors.
SIMD_INLINE void from_bytes(__m128i bytes, F* out) {
  out[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  out[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
}

}  // namespace quire::avx2
ISA_END

ISA_BEGIN_AVX512
namespace quire::avx512 {

using F = __m512;
using M = __mmask16;
constexpr int64_t n_lanes = 16;

SIMD_INLINE __mmask16 part_mask(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
SIMD_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
SIMD_INLINE F load_part(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(part_mask(n), p);
}
SIMD_INLINE void store(float* p, F v) { _mm512_storeu_ps(p, v); }
SIMD_INLINE void store_part(float* p, F v, int64_t n) { _mm512_mask_storeu_ps(p, part_mask(n), v); }
SIMD_INLINE F set(float a) { return _mm512_set1_ps(a); }
SIMD_INLINE F zero() { return _mm512_setzero_ps(); }
SIMD_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
SIMD_INLINE F sub(F a, F b) { return _mm512_sub_ps(a, b); }
SIMD_INLINE F mul(F a, F b) { return _mm512_mul_ps(a, b); }
SIMD_INLINE F div(F a, F b) { return _mm512_div_ps(a, b); }
SIMD_INLINE F sqrt(F a) { return _mm512_sqrt_ps(a); }
SIMD_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
SIMD_INLINE F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }
SIMD_INLINE F max(F a, F b) { return _mm512_max_ps(a, b); }
SIMD_INLINE F min(F a, F b) { return _mm512_min_ps(a, b); }
SIMD_INLINE F round(F a) { return _mm512_roundscale_ps(a, 0x8); }
SIMD_INLINE M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
SIMD_INLINE F select(M m, F a, F b) { return _mm512_mask_blend_ps(m, b, a); }
SIMD_INLINE F abs(F a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
SIMD_INLINE F with_sign(F a, F b) {
  return _mm512_or_ps(a, _mm512_and_ps(_mm512_set1_ps(-0.0f), b));
}
SIMD_INLINE F scale_by_power(F a, F n) { return _mm512_scalef_ps(a, n); }
SIMD_INLINE F exponent_of(F a) {
  const __m512i e = _mm512_srli_epi32(_mm512_castps_si512(a), 23);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(e, _mm512_set1_epi32(126)));
}
SIMD_INLINE F mantissa_of(F a) {
  const __m512 fraction = _mm512_and_ps(a, _mm512_castsi512_ps(_mm512_set1_epi32(0x7fffff)));
  return _mm512_or_ps(fraction, _mm512_set1_ps(0.5f));
}
SIMD_INLINE float first(F a) { return _mm512_cvtss_f32(a); }
SIMD_INLINE float sum(F a) {
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
SIMD_INLINE float max_of(F a) {
  const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
SIMD_INLINE double sum_double(F a) {
  const __m512d s = _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(a)),
                                  _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)));
  const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(s), _mm512_extractf64x4_pd(s, 1));
  const __m128d t = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
  return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}
SIMD_INLINE void unzip(F a, F b, F& evens, F& odds) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  evens = _mm512_permutex2var_ps(a, even, b);
  odds = _mm512_permutex2var_ps(a, odd, b);
}
SIMD_INLINE void zip(F evens, F odds, F& a, F& b) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  a = _mm512_permutex2var_ps(evens, low, odds);
  b = _mm512_permutex2var_ps(evens, high, odds);
}

// Four floats from each of p, p + step, p + 2 step, p + 3 step.
SIMD_INLINE F quads(const float* p, int64_t step) {
  F v = _mm512_castps128_ps512(_mm_loadu_ps(p));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + step), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * step), 2);
  return _mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * step), 3);
}
SIMD_INLINE void transpose4(F& a, F& b, F& c, F& d) {
  const F ab_low = _mm512_unpacklo_ps(a, b), ab_high = _mm512_unpackhi_ps(a, b);
  const F cd_low = _mm512_unpacklo_ps(c, d), cd_high = _mm512_unpackhi_ps(c, d);
  a = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
  b = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
  c = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
  d = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
}
SIMD_INLINE __m128 sum4(F a, F b, F c, F d) {
  transpose4(a, b, c, d);
  const F s = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(s), _mm512_extractf32x8_ps(s, 1));
  return _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
}

SIMD_INLINE F from_f16(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
SIMD_INLINE F from_bf16(const void* p) {
  const __m256i bits = _mm256_loadu_si256(static_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
SIMD_INLINE void from_bytes(__m128i bytes, F* out) {
  out[0] = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

}  // namespace quire::avx512
ISA_END

// The best version the program may use of a function that all three namespaces have.
#define KERNEL_VERSION(function) \
  ::quire::pick_version(&portable::function, &avx2::function, &avx512::function)

#else

#define KERNEL_VERSION(function) (&portable::function)

#endif  // QUIRE_X86

namespace quire {
template <class F>
F pick_version(F portable, F avx2, F avx512) {
  switch (isa()) {
    case Isa::avx512:
      return avx512;
    case Isa::avx2:
      return avx2;
    case Isa::portable:
      break;
  }
  return portable;
}
}  // namespace quire
