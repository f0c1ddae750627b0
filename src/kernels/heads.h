// Parts of heads: taken out, and put side by side. Rows stand alone: split by rows.
#pragma once
#include "kernels/rows.h"

namespace quire {

// y (T, H, N) = elements [begin, begin + N) of every head of x (T, H, E). No aliasing.
void slice_heads(Heads<float> y, Heads<const float> x, int64_t begin);
// y (T, H, A + B): every head of a (T, H, A), then that of b (T, H, B), or the one of b (T, 1, B).
// No aliasing.
void join_heads(Heads<float> y, Heads<const float> a, Heads<const float> b);

}  // namespace quire
