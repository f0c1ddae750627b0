// Causal convolution of every channel on its own:
//   y[t,c] = bias[c] + sum_j w[c,j] x[t - W + 1 + j, c],   j < W
// where rows before the first are those that the sequence had before, kept as its state (W - 1, C);
// Gu & Dao 2023, arXiv:2312.00752, section 3.4. Afterwards the state holds the last W - 1 rows. A
// channel stands alone: split by channels. A sequence cut into pieces gives the bits of the whole.
#pragma once
#include "kernels/rows.h"

namespace quire {

constexpr int64_t conv_width_max = 16;  // W

struct CausalConv {
  Rows<float> y{};              // (T, C); x is read after it is written, so it is other memory
  Rows<const float> x{};        // (T, C), rows of one sequence
  const float* w = nullptr;     // (C, W)
  const float* bias = nullptr;  // (C) or none
  float* state = nullptr;       // (W - 1, C)
  int64_t width = 0;            // W
  bool starts = false;          // the rows are the first of their sequence: the state counts as 0
};

// Channels [begin, end). CHECKs the shapes.
void causal_conv(const CausalConv& conv, int64_t begin, int64_t end);

}  // namespace quire
