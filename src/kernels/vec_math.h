// exp, log, tanh and erf over vectors, the same in every version up to the stated error, and the
// same for an element wherever it stands in the vector (tails are masked, never computed
// otherwise).
//   exp   1.5 ulp for results that are normal; < 2^-126 becomes 0; overflow becomes infinity; NaN
//   stays log   2 ulp for normal arguments; 0 and subnormals: -infinity; negative: NaN tanh
//   absolute error 2e-7 and relative error 1e-6 erf   absolute error 2e-7 and relative error 1e-6
#pragma once
#include "kernels/rows.h"

namespace quire {

// y and x of the same length; y may alias x.
void vec_exp(View<float, 1> y, View<const float, 1> x);
void vec_log(View<float, 1> y, View<const float, 1> x);
void vec_tanh(View<float, 1> y, View<const float, 1> x);
void vec_erf(View<float, 1> y, View<const float, 1> x);

}  // namespace quire
