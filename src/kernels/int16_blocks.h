// The inside of the fast matrix product (kernels/matmul_fast.h) for weights in F16: rounded to 14
// bits, 32 of them to one scale, they are multiplied as 16-bit integers, of which vpdpwssd takes
// twice as many in a cycle as there are f32.
//
//   w ~ scale q, q in [-8188, 8188], scale = 2^(e - 12) with 2^e <= max |w| < 2^(e + 1)
//
// so the weights of a group that are within a factor of four of its largest are exact, as all that
// F16 has are 11 bits; activations are rounded likewise (RowFormat::q14_32). Both come closer than
// F16 does to activations rounded to it, which is how others compute. 32 products fit in 32 bits;
// groups are added in f32, in order. Panels as in kernels/bf16_blocks.h, with scales.
#pragma once
#include "kernels/int8_blocks.h"

namespace quire {

struct Int16Blocks {
  // Rows that do not exist become zeros.
  void (*unpack)(Int8Panels& panels, const WeightChunk& w);
  // sums[t * 32 + n] += the chunk's part of y[t,n], for m rows of x; k as in unpack.
  void (*multiply)(const Int8Panels& panels, int64_t k, const Q14Chunk* x, int64_t m, float* sums);
};

// The version to use now.
Int16Blocks int16_blocks();

}  // namespace quire
