// Which experts a row of a mixture of experts goes to, and with what weights.
//
//   s = softmax(logits) or sigmoid(logits)
//   the K largest of s + bias are chosen, of equal ones the first; where experts come in groups,
//   only from the groups whose best scores (group_best of s + bias, added up) are largest
//   w[k] = scale s[chosen k], divided by their sum first where they are to add up to 1
//
// Shazeer et al. 2017, arXiv:1701.06538, eq. 3-5 (softmax, top k); Jiang et al. 2024,
// arXiv:2401.04088, section 2.1 (weights that add up to 1); DeepSeek-AI 2024, arXiv:2405.04434,
// section 2.2 (groups, ranked by their best expert), and arXiv:2412.19437, section 2.1.2 (sigmoid,
// bias that only chooses, groups ranked by their best two).
#pragma once
#include "kernels/rows.h"
#include "tensor/kinds.h"

namespace quire {

constexpr int64_t experts_max = 1024;  // X; a row's scores stay on the stack

struct RouteOptions {
  RouteScores scores = RouteScores::softmax;
  bool normalize = false;  // weights add up to 1, before they are scaled
  float scale = 1;
  int64_t n_groups = 1, n_groups_used = 1;  // X a multiple of n_groups
  int64_t group_best = 1;                   // at most the experts of a group
};

// logits (T, X), bias (X) or empty -> weights (T, K), experts (T, K) as whole numbers, best first.
// K at most the experts of n_groups_used groups, X at most experts_max. A row stands alone: split
// by rows. Scores that are no numbers are chosen last.
void route(Rows<float> weights, Rows<float> experts, Rows<const float> logits,
           View<const float, 1> bias, const RouteOptions& options);

}  // namespace quire
