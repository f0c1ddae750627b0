// The inside of the fast matrix product (kernels/matmul_fast.h): weights of any quantized type are
// unpacked, 32 rows (outputs) by 256 columns at a time, into panels of 8-bit integers that stay in
// the first-level cache, and multiplied with all rows of activations.
//
// One number of the result is
//
//   y[t,n] = sum over chunks c of 256:
//     q8_256:  sx[t,c] * sum_g ( sw[n,g] * (qw . qx over g) + offset[n,g] * sum_g qx )
//     q8_32:   sum_g sx[t,g] * ( sw[n,g] * (qw . qx over g) + offset[n,g] * sum_g qx )
//
// with g the groups of 16 or 32 that have a scale of their own. Products inside a group are exact
// (32-bit integers); groups are added in f32, in order. AVX-512 goes further with types whose
// scales are whole numbers s, m times one or two numbers of the block,
//
//     sx[t,c] * ( d[n] * sum_g s[n,g] (qw . qx over g) - dmin[n] * sum_g m[n,g] sum_g qx )
//
// where both sums over g are exact. So a result depends on its row of x and its row of w only,
// whatever the number of rows, the tiles or the threads.
#pragma once
#include "kernels/unpack.h"

namespace quire {

constexpr int64_t panel_outputs = 32;

// What unpack() makes. The order of q is the version's own:
//   AVX-512   q + 128 unsigned, [output / 16][k / 4][output % 16][k % 4]: the operand of vpdpbusd
//   AVX2      16 bits, [output / 8][k / 2][output % 8][k % 2]: the operand of vpmaddwd
//   portable  8 bits, [output][k]
struct alignas(64) Int8Panels {
  std::byte q[panel_outputs * chunk_width * 2];
  float scale[2][16][16];  // [output / 16][group][output % 16]
  float offset[2][16][16];
  // Of types with whole scales, on AVX-512, in place of the two above:
  int32_t whole_scale[2][16][16];  // s[output / 16][group][output % 16]
  int32_t minima[2][8][16];        // m of groups 2 i and 2 i + 1 in the halves of [][i][output]
  float d[2][16], d_min[2][16];
  std::byte rows[panel_outputs * chunk_width * 2];  // used while unpacking
};

// A chunk of rows of w.
struct WeightChunk {
  const std::byte* data = nullptr;  // of the first row
  int64_t stride = 0;               // bytes between rows
  int64_t n = 0, k = 0;             // n <= 32 rows of k <= 256 elements
  const Unpacking* type = nullptr;  // none for BF16 and F16
};

// One row of x times n outputs, n a multiple of 16, without panels.
struct DirectRow {
  DType dtype;
  const std::byte* w;  // the first output's weights
  int64_t stride;      // bytes between the weights of two outputs
  int64_t n;
  const std::byte* next;  // weights that are probably needed after these
  const Q8Chunk* x;       // its chunks
  int64_t k;
  float* sums;  // (n)
};

struct Int8Blocks {
  // Rows that do not exist become zeros.
  void (*unpack)(Int8Panels& panels, const WeightChunk& w);
  // sums[t * 32 + n] += the chunk's part of y[t,n], for m rows of x; k as in unpack.
  void (*multiply)(const Int8Panels& panels, const Unpacking& type, int64_t k, const Q8Chunk* x,
                   int64_t m, float* sums);
  // The same bits as the two above; false and nothing done for types it is not written for.
  bool (*multiply_row)(const DirectRow& row);
};

// The version to use now.
Int8Blocks int8_blocks();

}  // namespace quire
