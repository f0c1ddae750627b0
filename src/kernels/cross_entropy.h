// Cross-entropy of logits (T, V) with targets (T):  loss[t] = log sum_v e^x[t,v] - x[t, target[t]].
// A target of -1 is ignored: loss 0, gradient 0. A row stands alone: split by rows.
#pragma once
#include "kernels/rows.h"

namespace quire {

// loss (T). Targets in [-1, V): CHECKed.
void cross_entropy(View<float, 1> loss, Rows<const float> logits, View<const int32_t, 1> targets);
// The loss, and the gradient in one pass:  dlogits = (softmax(logits) - onehot(target)) * scale.
// Written; may alias logits (the usual way: it is the largest buffer of a training step). scale: 1
// / number of targets, usually.
void cross_entropy_backward(Rows<float> dlogits, View<float, 1> loss, Rows<const float> logits,
                            View<const int32_t, 1> targets, float scale);

}  // namespace quire
