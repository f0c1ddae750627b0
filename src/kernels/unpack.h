// Weights as whole numbers: what every quantized storage type is inside,
//
//   w[k] = scale[g] q[k] + offset[g],   q 8-bit, g = k / group (16 or 32 elements)
//
// with the scales of a block multiplied out (f32). Lossless for every type: IQ1's fractions of
// eighths are counted in eighths. The products of kernels/int8_blocks.h are made of these.
#pragma once
#include "kernels/quantized_rows.h"

#include <cstddef>

namespace quire {

struct Unpacking {
  DType dtype;
  RowFormat rows;  // of the activations it is multiplied with
  int group;       // elements of one scale: 16 or 32
  bool has_offsets;
  // n <= 256 elements of one row, whole blocks: q (n), scale and offset (n / group). offset is
  // written only where the type has them.
  void (*unpack)(const std::byte* src, int64_t n, int8_t* q, float* scale, float* offset);
  // Types over codebooks and ternary ones, null for others: the scales of a block as whole numbers
  // (one for each group), scale[g] = s[g] times what is returned.
  float (*whole_scales)(const std::byte* block, int32_t* s);
};

// nullptr for types that are not quantized to small whole numbers.
const Unpacking* find_unpacking(DType dtype);

}  // namespace quire
