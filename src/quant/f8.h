// 8-bit floats as checkpoints of other formats store them (safetensors F8_E4M3 and F8_E5M2, often
// with one f32 factor per 128 x 128 block beside them). Not tensor types of GGUF. Reading is exact.
//   E4M3: 1+4+3 bits, bias 7; no infinity, S.1111.111 is NaN, 448 the largest ("E4M3FN").
//   E5M2: 1+5+2 bits, bias 15; the upper half of an IEEE binary16.
// Micikevicius et al. 2022, arXiv:2209.05433, table 1; OCP 8-bit Floating Point Specification 1.0.
#pragma once
#include "quant/half.h"

#include <cstddef>

namespace quire {

constexpr float f8_e4m3_to_f32(uint8_t bits) {
  const uint32_t sign = uint32_t{bits & 0x80u} << 24, magnitude = bits & 0x7fu;
  uint32_t value;
  if (magnitude == 0x7f)
    value = 0x7fc00000u;
  else if (magnitude >= 8)  // normal: rebias 7 to 127
    value = (magnitude << 20) + ((127u - 7u) << 23);
  else  // zero and subnormal: magnitude * 2^-9, exact in f32
    value = std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-9f);
  return std::bit_cast<float>(sign | value);
}

inline float f8_e5m2_to_f32(uint8_t bits) { return f16_to_f32(static_cast<uint16_t>(bits << 8)); }

// src (n) bytes, dst (n). Any bytes; thread-safe.
void decode_f8_e4m3(const std::byte* src, float* dst, int64_t n);
void decode_f8_e5m2(const std::byte* src, float* dst, int64_t n);

}  // namespace quire
