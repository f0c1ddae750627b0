// Activations, plain and gated:  y = act(x)   and   y = act(gate) * up   (Shazeer 2020,
// arXiv:2002.05202).
//   silu          x / (1 + e^-x)                                 Elfwing et al. 2017,
//   arXiv:1702.03118 gelu_tanh     x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))    Hendrycks &
//   Gimpel 2016, arXiv:1606.08415 gelu_erf      x/2 (1 + erf(x / sqrt 2))                       the
//   same, exact relu          max(x, 0) relu_squared  max(x, 0)^2 So et al. 2021, arXiv:2109.08668
//   sigmoid       1 / (1 + e^-x)
//   tanh
//   gelu_quick    x / (1 + e^(-1.702 x)), as above; gpt-oss's gate
// Every element stands alone: split as you like.
#pragma once
#include "kernels/rows.h"
#include "tensor/kinds.h"

namespace quire {

// y may alias x, gate or up.
void activate(Rows<float> y, Rows<const float> x, Activation activation);
void activate_gated(Rows<float> y, Rows<const float> gate, Rows<const float> up,
                    Activation activation);
// dx (+)= dy act'(x). dx may alias dy or x when written.
void activate_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> x,
                       Activation activation, Output output);
// dgate (+)= dy up act'(gate),  dup (+)= dy act(gate). When written, dgate may alias dy or gate and
// dup may alias dy or up, but dgate and dup are never the same.
void activate_gated_backward(Rows<float> dgate, Rows<float> dup, Rows<const float> dy,
                             Rows<const float> gate, Rows<const float> up, Activation activation,
                             Output output);

}  // namespace quire
