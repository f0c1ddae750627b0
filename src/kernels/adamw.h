// AdamW, one step: Adam with decoupled weight decay. Loshchilov & Hutter 2019, arXiv:1711.05101,
// algorithm 2.
//   g' = gradient_scale g;  m = b1 m + (1-b1) g';  v = b2 v + (1-b2) g'^2
//   w -= rate (m / (1 - b1^step) / (sqrt(v / (1 - b2^step)) + eps) + weight_decay w)
#pragma once
#include "kernels/rows.h"

namespace quire {

struct Adamw {
  float rate = 1e-3f;  // this step's learning rate
  float beta1 = 0.9f, beta2 = 0.95f;
  float eps = 1e-8f;
  float weight_decay = 0;    // 0 for norms, biases and other vectors
  float gradient_scale = 1;  // clipping and averaging
  int64_t step = 1;          // 1 at the first step
};

// w, m, v, g of one length: a range of the parameters. Every element stands alone: split as you
// like.
void adamw_step(View<float, 1> w, View<float, 1> m, View<float, 1> v, View<const float, 1> g,
                const Adamw& adamw);

}  // namespace quire
