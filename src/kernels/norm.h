// Norms over the rows of x (T, D).
//   rms_norm    y[t,d] = x[t,d] * w[d] * r[t],                r[t] = 1 / sqrt(mean_d x[t,d]^2 +
//   eps)
//               Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
//   layer_norm  y[t,d] = (x[t,d] - m[t]) * r[t] * w[d] + b[d],  m[t] = mean_d x[t,d],
//               r[t] = 1 / sqrt(mean_d (x[t,d] - m[t])^2 + eps)
//               Ba, Kiros & Hinton 2016, arXiv:1607.06450, eq. 4.
// Row kernels may be split by rows, weight gradients by columns [begin, end). The backward pass has
// two steps: first rows (dx, and the statistics of every row are stored), then columns (dw, db).
#pragma once
#include "kernels/rows.h"

namespace quire {

// y may alias x. w (D). eps > 0.
void rms_norm(Rows<float> y, Rows<const float> x, View<const float, 1> w, float eps);
// sum = x + residual, y = rms_norm(sum). sum may alias x or residual, y may alias x.
void add_rms_norm(Rows<float> y, Rows<float> sum, Rows<const float> x, Rows<const float> residual,
                  View<const float, 1> w, float eps);
// r (T) receives the factors r[t] above. dx may alias dy when written, and no other argument.
//   dx = r w dy - x r^3 mean_d(w dy x)
void rms_norm_backward_x(Rows<float> dx, View<float, 1> r, Rows<const float> dy,
                         Rows<const float> x, View<const float, 1> w, float eps, Output output);
// dw[d] (+)= sum_t dy[t,d] x[t,d] r[t]  for d in [begin, end). All T rows.
void rms_norm_backward_w(View<float, 1> dw, int64_t begin, int64_t end, Rows<const float> dy,
                         Rows<const float> x, View<const float, 1> r, Output output);

// y may alias x. w, b (D); b may be empty (size 0): none.
void layer_norm(Rows<float> y, Rows<const float> x, View<const float, 1> w, View<const float, 1> b,
                float eps);
// mean, r (T) receive the statistics. dx may alias dy when written, and no other argument. With u =
// w dy and z = (x - m) r:   dx = r (u - mean_d u - z mean_d(u z))
void layer_norm_backward_x(Rows<float> dx, View<float, 1> mean, View<float, 1> r,
                           Rows<const float> dy, Rows<const float> x, View<const float, 1> w,
                           float eps, Output output);
// dw[d] (+)= sum_t dy (x - m) r,  db[d] (+)= sum_t dy  for d in [begin, end). All T rows. db may be
// empty: none.
void layer_norm_backward_wb(View<float, 1> dw, View<float, 1> db, int64_t begin, int64_t end,
                            Rows<const float> dy, Rows<const float> x, View<const float, 1> mean,
                            View<const float, 1> r, Output output);

}  // namespace quire
