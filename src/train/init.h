// Initial weights, by the name and shape of each parameter (GPT-2: Radford et al. 2019, section
// 2.3):
//   norm weights 1, biases 0, other vectors 0
//   matrices  normal(0, std); those that write into the residual stream (attn_output, ffn_down)
//             normal(0, std / sqrt(2 L))
// Each parameter has random numbers of its own, from the seed and its name: adding a parameter
// changes no other.
#pragma once
#include "train/parameters.h"

namespace quire {

void initialize_weights(const ParameterSet& parameters, int64_t n_layer, double std, uint64_t seed);

}  // namespace quire
