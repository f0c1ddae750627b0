// Rotary position embedding: pair i of a head is turned by the angle position * frequency[i].
// Su et al. 2021, arXiv:2104.09864, eq. 34.
//   (a, b) -> (a cos - b sin, a sin + b cos) * magnitude
// Scaling variants (linear, NTK, YaRN, Llama 3) differ in the frequencies and the magnitude, which
// the caller makes.
//
// The cosines and sines of a step are computed once, into a table shared by all heads and layers. A
// row stands alone: split by rows.
#pragma once
#include "kernels/rows.h"
#include "tensor/kinds.h"

namespace quire {

// Which way to turn; backward is the gradient of forward (the transposed rotation, magnitude kept).
enum class RopeTurn { forward, backward };

// table (T, 2n): row t holds n cosines, then n sines, times magnitude (1 unless YaRN). frequencies
// (n) in radians per position; the angle is formed and reduced in double, so that a position of a
// million keeps float accuracy.
void rope_table(Rows<float> table, View<const int32_t, 1> positions,
                View<const double, 1> frequencies, float magnitude);
// The usual frequencies, base^(-2i/2n) for pair i of n.
void rope_frequencies(View<double, 1> frequencies, double base);

// y (T, H, E) (+)= x turned by table (T, 2n), 2n <= E; elements past 2n are copied. y may be x when
// written.
void rope(Heads<float> y, Heads<const float> x, Rows<const float> table, RopePairs pairs,
          RopeTurn turn, Output output = Output::write);

}  // namespace quire
