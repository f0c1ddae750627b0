// The blocks of the quantized storage types as they lie in memory: field offsets, and the formula
// that turns each back into numbers. Source: the GGUF specification and the files themselves; every
// formula is tested bit for bit against the reference library (tools/make_quant_goldens.py).
//
// Everything is little-endian. `d`, `m`, `dmin` are f16 bits. nibble(q, j): for pairs of elements
// half a group apart, the low four bits of a byte hold the first and the high four bits the second.
// Products are taken in f32 from left to right as written, with no fused multiply-add; where a
// formula names dl or ml, that product is rounded to f32 first.
//
// The structs are packed (alignment 1): a block may lie anywhere. `size` is the number of elements.
#pragma once
#include <cstdint>

namespace quire {

#pragma pack(push, 1)

// ---- Blocks of 32: one scale, no levels. ----

// x[j] = d (q[j] - 8);  q[j] = qs[j] & 15, q[j+16] = qs[j] >> 4, j < 16.
struct BlockQ4_0 {
  static constexpr int size = 32;
  uint16_t d;
  uint8_t qs[16];
};
// x[j] = d q[j] + m;  q as in Q4_0.
struct BlockQ4_1 {
  static constexpr int size = 32;
  uint16_t d, m;
  uint8_t qs[16];
};
// x[j] = d (q[j] - 16);  q[j] = Q4_0's four bits | bit j of qh << 4.
struct BlockQ5_0 {
  static constexpr int size = 32;
  uint16_t d;
  uint32_t qh;
  uint8_t qs[16];
};
// x[j] = d q[j] + m;  q as in Q5_0.
struct BlockQ5_1 {
  static constexpr int size = 32;
  uint16_t d, m;
  uint32_t qh;
  uint8_t qs[16];
};
// x[j] = d qs[j].
struct BlockQ8_0 {
  static constexpr int size = 32;
  uint16_t d;
  int8_t qs[32];
};
// x[j] = d qs[j];  s = d sum_j qs[j] (a by-product for products with types that have a minimum).
struct BlockQ8_1 {
  static constexpr int size = 32;
  uint16_t d, s;
  int8_t qs[32];
};
// x[j] = d table[q[j]], q as in Q4_0, table = iq4_values.
struct BlockIQ4NL {
  static constexpr int size = 32;
  uint16_t d;
  uint8_t qs[16];
};
// x[j] = 2^(e - 128) table[q[j]], q as in Q4_0, table = fp4_values (FP4 E2M1 doubled). OCP
// Microscaling Formats 1.0; its NaN, e = 255, is 2^127 here as in every reader of GGUF.
struct BlockMXFP4 {
  static constexpr int size = 32;
  uint8_t e;
  uint8_t qs[16];
};
// Four groups of 16. Group g: x[16g+j] = s table[q], table = fp4_values, s = ue4m3(d[g]) / 2;
// q = qs[8g+j] & 15 for element j < 8, qs[8g+j-8] >> 4 for the others. ue4m3: FP8 E4M3 whose top
// bit is ignored; byte 0x7f stands for zero.
struct BlockNVFP4 {
  static constexpr int size = 64;
  uint8_t d[4];
  uint8_t qs[32];
};
// x[j] = bit (j % 8) of qs[j / 8] ? d : -d.
struct BlockQ1_0 {
  static constexpr int size = 128;
  uint16_t d;
  uint8_t qs[16];
};
// x[j] = d ((qs[j / 4] >> 2 (j % 4) & 3) - 1): -d, 0, d and 2 d.
struct BlockQ2_0 {
  static constexpr int size = 64;
  uint16_t d;
  uint8_t qs[16];
};

// ---- Blocks of 256 with levels: k-quants. ----

// Groups of 16 elements, g = j / 16:  dl = d (scales[g] & 15), ml = dmin (scales[g] >> 4),
// x[j] = dl q[j] - ml;  q[j] = qs[32 (j / 128) + j % 32] >> 2 (j % 128 / 32) & 3.
struct BlockQ2K {
  static constexpr int size = 256;
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d, dmin;
};
// Groups of 16:  dl = d (s[g] - 32), x[j] = dl q[j];
// q[j] = (Q2_K's two bits) - (bit j / 32 of hmask[j % 32] ? 0 : 4);
// s[g] = (g < 8 ? scales[g] & 15 : scales[g - 8] >> 4) | (scales[8 + g % 4] >> 2 (g / 4) & 3) << 4.
struct BlockQ3K {
  static constexpr int size = 256;
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
};
// Groups of 32, g = j / 32:  dl = d s[g], ml = dmin m[g], x[j] = dl q[j] - ml;
// q[j] = nibble: byte qs[32 (j / 64) + j % 32], low for j % 64 < 32, high for the others;
// g < 4:  s[g] = scales[g] & 63, m[g] = scales[g + 4] & 63;
// else :  s[g] = (scales[g + 4] & 15) | (scales[g - 4] >> 6) << 4,
//         m[g] = (scales[g + 4] >> 4) | (scales[g] >> 6) << 4.
struct BlockQ4K {
  static constexpr int size = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
// As Q4_K, with q[j] = Q4_K's nibble | (bit j / 32 of qh[j % 32]) << 4.
struct BlockQ5K {
  static constexpr int size = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
// Groups of 16:  dl = d scales[g], x[j] = dl (q[j] - 32);  with h = j / 128, r = j % 128, l = j %
// 32: q[j] = (nibble: byte ql[64 h + r % 64], low for r < 64, high for the others)
//        | (qh[32 h + l] >> 2 (r / 32) & 3) << 4.
struct BlockQ6K {
  static constexpr int size = 256;
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};
// x[j] = d qs[j], d an f32;  bsums[g] = sum of the 16 quants of group g. Made for activations.
struct BlockQ8K {
  static constexpr int size = 256;
  float d;
  int8_t qs[256];
  int16_t bsums[16];
};

// ---- Blocks of 256 over codebooks: i-quants (quant/grids.h). ----
// sign(b, j) = -1 where bit j of byte b is set, else 1; parity(s) = s with bit 7 such that the
// number of set bits is even. A grid row is 8 (iq2, iq1) or 4 (iq3) magnitudes.

// Groups of 32, g, of four rows r: words a = qs[4g] | qs[4g+1] << 16 (row r's grid index is its
// byte r) and b = qs[4g+2] | qs[4g+3] << 16;  dl = d (0.5 + (b >> 28)) 0.25, x = dl
// iq2_xxs_grid[index][j] sign(parity(b >> 7r & 127), j).
struct BlockIQ2XXS {
  static constexpr int size = 256;
  uint16_t d;
  uint16_t qs[32];
};
// Rows of 8, r < 32, s[r / 2] = nibble r / 2 of scales:  dl = d (0.5 + s) 0.25,
// x = dl iq2_xs_grid[qs[r] & 511][j] sign(parity(qs[r] >> 9), j).
struct BlockIQ2XS {
  static constexpr int size = 256;
  uint16_t d;
  uint16_t qs[32];
  uint8_t scales[8];
};
// As IQ2_XS, with grid index = qs[r] | (qh[r / 4] >> 2 (r % 4) & 3) << 8 into iq2_s_grid and sign
// byte signs[r].
struct BlockIQ2S {
  static constexpr int size = 256;
  uint16_t d;
  uint8_t qs[32];
  uint8_t signs[32];
  uint8_t qh[8];
  uint8_t scales[8];
};
// Rows of 4, r < 64, in groups of 32, g = r / 8: word b = little-endian u32 at sas + 4g;
// dl = d (0.5 + (b >> 28)) 0.5;  element j of row r is element 4 (r % 2) + j of the sign byte
// parity(b >> 7 (r % 8 / 2) & 127);  x = dl iq3_xxs_grid[qs[r]][j] sign.
struct BlockIQ3XXS {
  static constexpr int size = 256;
  uint16_t d;
  uint8_t qs[64];
  uint8_t sas[32];  // signs and scales
};
// Rows of 4, r < 64, g = r / 8:  dl = d (1 + 2 (nibble g of scales)),
// x = dl iq3_s_grid[qs[r] | (bit r % 8 of qh[g]) << 8][j] sign(signs[r / 2], 4 (r % 2) + j).
struct BlockIQ3S {
  static constexpr int size = 256;
  uint16_t d;
  uint8_t qs[64];
  uint8_t qh[8];
  uint8_t signs[32];
  uint8_t scales[4];
};
// Rows of 8, r < 32, g = r / 4:  dl = d (2 (qh[g] >> 12 & 7) + 1), delta = qh[g] bit 15 ? -1/8 :
// 1/8, x = dl (iq1_grid[qs[r] | (qh[g] >> 3 (r % 4) & 7) << 8][j] + delta); grid values -1, 0, 1.
struct BlockIQ1S {
  static constexpr int size = 256;
  uint16_t d;
  uint8_t qs[32];
  uint16_t qh[8];
};
// Rows of 8, r < 32; h = nibble r of qh (low first): grid index = qs[r] | (h & 7) << 8, delta = h &
// 8 ? -1/8 : 1/8;  d's f16 bits are the top nibbles of scales[0..3], lowest first;
// dl = d (2 (scales[r / 8] >> 3 (r / 2 % 4) & 7) + 1);  x = dl (iq1_grid[index][j] + delta).
struct BlockIQ1M {
  static constexpr int size = 256;
  uint8_t qs[32];
  uint8_t qh[16];
  uint16_t scales[4];
};
// Groups of 32, g:  s = (nibble g of scales_l) | (scales_h >> 2g & 3) << 4, dl = d (s - 32),
// x[32g+j] = dl iq4_values[q];  q = qs[16g+j] & 15 for j < 16, qs[16g+j-16] >> 4 for the others.
struct BlockIQ4XS {
  static constexpr int size = 256;
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
};

// ---- Blocks of 256 of -d, 0, d: ternary. ----

// Byte b holds up to five digits of base 3 as a fraction of 256: digit k is (b 3^k mod 256) 3 >> 8;
// x = (digit - 1) d. Digit k of qs[i], i < 32, is element 32k + i; of qs[32+i], i < 16, element 160
// + 16k + i; of qh[i], i < 4, k < 4, element 240 + 4k + i.
struct BlockTQ1_0 {
  static constexpr int size = 256;
  uint8_t qs[48];
  uint8_t qh[4];
  uint16_t d;
};
// x[j] = d (q[j] - 1), q as in Q2_K.
struct BlockTQ2_0 {
  static constexpr int size = 256;
  uint8_t qs[64];
  uint16_t d;
};

#pragma pack(pop)

// The values of IQ4_NL and IQ4_XS: steps that widen away from zero.
inline constexpr int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
// FP4 E2M1, doubled to be whole: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
inline constexpr int8_t fp4_values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Scale and minimum of group g, 0 to 7, of Q4_K and Q5_K.
struct ScaleMin {
  uint8_t scale, min;
};
constexpr ScaleMin scale_min_k(const uint8_t (&scales)[12], int g) {
  const auto byte = [](int value) { return static_cast<uint8_t>(value); };
  if (g < 4) return {byte(scales[g] & 63), byte(scales[g + 4] & 63)};
  return {byte((scales[g + 4] & 15) | (scales[g - 4] >> 6) << 4),
          byte((scales[g + 4] >> 4) | (scales[g] >> 6) << 4)};
}
// Scale of group g, 0 to 15, of Q3_K, 32 taken off.
constexpr int scale_q3_k(const uint8_t (&scales)[12], int g) {
  const int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
  return (low | (scales[8 + g % 4] >> 2 * (g / 4) & 3) << 4) - 32;
}
// The sign byte of IQ2_XXS, IQ2_XS and IQ3_XXS from its seven stored bits: the number of minus
// signs is even.
constexpr uint8_t parity_signs(unsigned seven_bits) {
  const unsigned odd = static_cast<unsigned>(__builtin_popcount(seven_bits)) & 1;
  return static_cast<uint8_t>(seven_bits | odd << 7);
}
// The scale of MXFP4, 2^(e - 128).
constexpr float mxfp4_scale(uint8_t e) {
  return __builtin_bit_cast(float, e < 2 ? 0x00200000u << e : (e - 1u) << 23);
}
// The scale of a group of NVFP4, ue4m3 / 2.
constexpr float nvfp4_scale(uint8_t bits) {
  if (bits == 0x7f) return 0;
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  const auto power = static_cast<uint32_t>(exponent - 7 - 1 + 127) << 23;
  return __builtin_bit_cast(float, power | static_cast<uint32_t>(mantissa) << 20);
}

}  // namespace quire
