// Element by element: sums, products, soft caps, copies; and the sums that gradients need. Every
// element stands alone unless said otherwise: split as you like. Results may alias arguments of the
// same shape.
#pragma once
#include "kernels/rows.h"

namespace quire {

void fill(View<float, 1> y, float value);
void copy(Rows<float> y, Rows<const float> x);
void add(Rows<float> y, Rows<const float> a, Rows<const float> b);       // y = a + b
void add_scaled(Rows<float> y, Rows<const float> x, float scale);        // y += scale x
void scale(Rows<float> y, Rows<const float> x, float factor);            // y = factor x
void multiply(Rows<float> y, Rows<const float> a, Rows<const float> b);  // y = a b
// y = min(max(x, low), high) + offset; NaN stays.
void clamp(Rows<float> y, Rows<const float> x, float low, float high, float offset);
// da (+)= dy b,  db (+)= dy a. da and db alias nothing but, when written, da may be dy's memory.
void multiply_backward(Rows<float> da, Rows<float> db, Rows<const float> dy, Rows<const float> a,
                       Rows<const float> b, Output output);
void add_row(Rows<float> y, Rows<const float> x,
             View<const float, 1> row);  // y[t,d] = x[t,d] + row[d]
// db[d] (+)= sum_t dy[t,d] for d in [begin, end): gradient of add_row and of a bias. All rows;
// split by columns.
void sum_rows(View<float, 1> db, int64_t begin, int64_t end, Rows<const float> dy, Output output);

// Soft cap of logits, y = cap tanh(x / cap) (Gemma 2, arXiv:2408.00118, section 2).
void softcap(Rows<float> y, Rows<const float> x, float cap);
// dx (+)= dy (1 - (y / cap)^2), from the result y.
void softcap_backward(Rows<float> dx, Rows<const float> dy, Rows<const float> y, float cap,
                      Output output);

// Sum of squares in double, for the norm of a gradient. x is cut into chunks of a fixed length;
// chunk c writes partial[c]; adding the partials in order gives a sum that does not depend on
// threads.
constexpr int64_t sum_of_squares_chunk = 16384;
inline int64_t sum_of_squares_chunks(int64_t n) {
  return (n + sum_of_squares_chunk - 1) / sum_of_squares_chunk;
}
double sum_of_squares_of_chunk(View<const float, 1> x, int64_t chunk);
// All chunks in order.
double sum_of_squares(View<const float, 1> x);

}  // namespace quire
