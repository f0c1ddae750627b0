// Rows of a table by index:  y[t] = table[ids[t]].
#pragma once
#include "kernels/rows.h"
#include "tensor/tensor.h"

namespace quire {

// y (T, D), table (V, D) of any storage type with a codec, ids (T) in [0, V): CHECKed. Split by
// rows.
void embed(Rows<float> y, const TensorView& table, View<const int32_t, 1> ids);
// dtable[ids[t], d] += dy[t,d] for d in [begin, end), in the order of t. dtable (V, D), dy (T, D).
// Split by columns.
void embed_backward(Rows<float> dtable, int64_t begin, int64_t end, Rows<const float> dy,
                    View<const int32_t, 1> ids);

}  // namespace quire
