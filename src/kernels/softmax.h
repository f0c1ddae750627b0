// Row softmax:  y[t,v] = e^(x[t,v] - max) / sum.   A row stands alone: split by rows.
#pragma once
#include "kernels/rows.h"

namespace quire {

// y may alias x. A row of only -infinity becomes zeros.
void softmax(Rows<float> y, Rows<const float> x);
// dx (+)= y (dy - sum_v y dy). dx may alias dy when written.
void softmax_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> y, Output output);
// lse[t] = log sum_v e^x[t,v];  log-probabilities are x - lse.
void log_sum_exp(View<float, 1> lse, Rows<const float> x);

}  // namespace quire
