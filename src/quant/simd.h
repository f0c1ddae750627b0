// Small pieces under one set of names for each instruction set, so that a codec is written once
// (quant/NAME.inc) and compiled for all of them (quant/codec_versions.inc). Only for codec files.
//
// In namespaces codec_portable, codec_avx2 and codec_avx512:
//   F, n_lanes                         a vector of floats
//   n_search_lanes                     the same for the encoders' searches, as wide as registers
//   are zero, load, store, add, fma, sum   sum adds the lanes, always in the same order load_f16,
//   store_f16                n_lanes f16 as f32 and back, as in quant/half.h f16(bits),
//   to_f16(value)           the same for one lookup16(table, nibbles, low, high)  16 bytes through
//   a table of 16: low[j] = table[nibbles[j]
//   &
//                                      15], high[j] = table[nibbles[j] >> 4]
// The layer is compiled without contraction of a b + c into one rounding (CMakeLists.txt), so plain
// arithmetic has the same bits everywhere; only fma() fuses.
#pragma once
#include "base/isa.h"
#include "quant/half.h"

#include <cstddef>
#include <cstdint>

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the undefined operands inside its own AVX-512 intrinsics for mistakes (GCC bug
// 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#define CODEC_INLINE static inline __attribute__((always_inline, unused))

namespace quire::codec_portable {

constexpr int n_lanes = 8, n_search_lanes = 4;
struct F {
  float lane[n_lanes];
};
CODEC_INLINE F zero() { return {}; }
CODEC_INLINE F load(const float* p) {
  F v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
CODEC_INLINE void store(float* p, F v) { __builtin_memcpy(p, &v, sizeof v); }
CODEC_INLINE F load_f16(const uint16_t* p) {
  F v;
  for (int k = 0; k < n_lanes; ++k) v.lane[k] = f16_to_f32(p[k]);
  return v;
}
CODEC_INLINE void store_f16(uint16_t* p, F v) {
  for (int k = 0; k < n_lanes; ++k) p[k] = f32_to_f16(v.lane[k]);
}
CODEC_INLINE F add(F a, F b) {
  for (int k = 0; k < n_lanes; ++k) a.lane[k] += b.lane[k];
  return a;
}
CODEC_INLINE F fma(F a, F b, F c) {
  for (int k = 0; k < n_lanes; ++k) c.lane[k] += a.lane[k] * b.lane[k];
  return c;
}
CODEC_INLINE float sum(F v) {
  const float* s = v.lane;
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
CODEC_INLINE float f16(uint16_t bits) { return f16_to_f32(bits); }
CODEC_INLINE uint16_t to_f16(float value) { return f32_to_f16(value); }
CODEC_INLINE void lookup16(const int8_t* table, const uint8_t* nibbles, int8_t* low, int8_t* high) {
  for (int j = 0; j < 16; ++j) {
    low[j] = table[nibbles[j] & 15];
    high[j] = table[nibbles[j] >> 4];
  }
}

}  // namespace quire::codec_portable

#ifdef QUIRE_X86

ISA_BEGIN_AVX2
namespace quire::codec_avx2 {

constexpr int n_lanes = 8, n_search_lanes = 8;
using F = __m256;
CODEC_INLINE F zero() { return _mm256_setzero_ps(); }
CODEC_INLINE F load(const float* p) { return _mm256_loadu_ps(p); }
CODEC_INLINE void store(float* p, F v) { _mm256_storeu_ps(p, v); }
CODEC_INLINE F load_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
CODEC_INLINE void store_f16(uint16_t* p, F v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
CODEC_INLINE F add(F a, F b) { return _mm256_add_ps(a, b); }
CODEC_INLINE F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
CODEC_INLINE float sum(F v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
CODEC_INLINE float f16(uint16_t bits) {
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}
CODEC_INLINE uint16_t to_f16(float value) {
  const __m128i bits = _mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT);
  return static_cast<uint16_t>(_mm_cvtsi128_si32(bits));
}
CODEC_INLINE void lookup16(const int8_t* table, const uint8_t* nibbles, int8_t* low, int8_t* high) {
  const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(nibbles));
  const __m128i mask = _mm_set1_epi8(15);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low),
                   _mm_shuffle_epi8(values, _mm_and_si128(both, mask)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high),
                   _mm_shuffle_epi8(values, _mm_and_si128(_mm_srli_epi16(both, 4), mask)));
}

}  // namespace quire::codec_avx2
ISA_END

ISA_BEGIN_AVX512
namespace quire::codec_avx512 {

constexpr int n_lanes = 16, n_search_lanes = 16;
using F = __m512;
using codec_avx2::f16;
using codec_avx2::lookup16;
using codec_avx2::to_f16;
CODEC_INLINE F zero() { return _mm512_setzero_ps(); }
CODEC_INLINE F load(const float* p) { return _mm512_loadu_ps(p); }
CODEC_INLINE void store(float* p, F v) { _mm512_storeu_ps(p, v); }
CODEC_INLINE F load_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
CODEC_INLINE void store_f16(uint16_t* p, F v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
CODEC_INLINE F add(F a, F b) { return _mm512_add_ps(a, b); }
CODEC_INLINE F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
CODEC_INLINE float sum(F v) {
  const __m256 low = _mm512_castps512_ps256(v), high = _mm512_extractf32x8_ps(v, 1);
  return codec_avx2::sum(_mm256_add_ps(low, high));
}

}  // namespace quire::codec_avx512
ISA_END

#endif  // QUIRE_X86
