// The inside of the fast product with BF16 weights, as kernels/int8_blocks.h for 8-bit integers:
//   y[t,n] = sum_k x[t,k] w[n,k],   both bf16, products and sums in f32, k in order by pairs.
#pragma once
#include "kernels/int8_few_rows.h"

namespace quire {

struct Bf16Blocks {
  // panels.q becomes [output / lanes][k / 2][output % lanes][k % 2], 16 lanes, 8 for AVX2.
  void (*unpack)(Int8Panels& panels, const WeightChunk& w);
  // sums[t * 32 + n] += the chunk's part of y[t,n], for m rows of x.
  void (*multiply)(const Int8Panels& panels, int64_t k, const Bf16Chunk* x, int64_t m, float* sums);
  // 2 rows of x or some more times 32 outputs, k a multiple of 32, straight from w: the same bits;
  // false and nothing done where there is no such version. product.x is not used.
  bool (*multiply_few)(const FewRowsProduct& product, const Bf16Chunk* x);
  // One row of x times n outputs, n a multiple of 32, likewise. row.x is not used.
  bool (*multiply_row)(const DirectRow& row, const Bf16Chunk* x);
};

// The version to use now.
Bf16Blocks bf16_blocks();

}  // namespace quire
