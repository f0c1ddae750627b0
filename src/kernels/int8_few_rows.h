// 2 rows of activations or some more times weights of 8 bits or less (kernels/int8_blocks.h), for
// several sequences that generate together and for guesses that are checked: without panels, whose
// filling so few rows do not pay for.
#pragma once
#include "kernels/int8_blocks.h"

namespace quire {

// The rows of x times 32 outputs.
struct FewRowsProduct {
  DType dtype = DType::f32;
  const std::byte* w = nullptr;     // the first output's weights
  int64_t stride = 0;               // bytes between the weights of two outputs
  int64_t k = 0;                    // columns
  const Q8Chunk* x = nullptr;       // chunk c of row t at [c n_x + t]
  int64_t n_x = 0, m = 0;           // m >= 2 rows
  float* sums = nullptr;            // (m, 32), added to
  const std::byte* next = nullptr;  // what is wanted after these weights: asked for meanwhile
  bool is_cold = false;             // nobody has asked for these weights yet
};

// The bits that panels give; false and nothing done for types, and on instruction sets, that it is
// not written for. `panels` is room to work in.
bool multiply_few_rows(Int8Panels& panels, const FewRowsProduct& product);

}  // namespace quire
