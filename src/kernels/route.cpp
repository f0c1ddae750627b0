// The scores are made by vector kernels of other files; choosing compares each score with the worst
// of those chosen so far, which is one comparison for most.
#include "kernels/route.h"

#include "kernels/activation.h"
#include "kernels/softmax.h"

#include <algorithm>
#include <limits>

namespace quire {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

// The largest of the scores offered, best first; of equal ones the one offered first.
struct Best {
  int64_t index[experts_max];
  float score[experts_max];
  int64_t n = 0, n_wanted = 0;

  void offer(int64_t i, float s) {
    if (!(s == s)) s = lowest;
    if (n == n_wanted && !(s > score[n - 1])) return;
    int64_t at = n == n_wanted ? n - 1 : n++;
    for (; at > 0 && s > score[at - 1]; --at) {
      score[at] = score[at - 1];
      index[at] = index[at - 1];
    }
    score[at] = s;
    index[at] = i;
  }
};

void choose(Best& best, const float* choice, int64_t n_experts, const RouteOptions& options) {
  best.n = 0;
  if (options.n_groups == 1) {
    for (int64_t x = 0; x < n_experts; ++x) best.offer(x, choice[x]);
    return;
  }
  const int64_t n_each = n_experts / options.n_groups;
  Best groups, members;
  groups.n_wanted = options.n_groups_used;
  members.n_wanted = options.group_best;
  for (int64_t g = 0; g < options.n_groups; ++g) {
    members.n = 0;
    for (int64_t x = g * n_each; x < (g + 1) * n_each; ++x) members.offer(x, choice[x]);
    float sum = 0;
    for (int64_t i = 0; i < members.n; ++i) sum += members.score[i];
    groups.offer(g, sum);
  }
  std::sort(groups.index, groups.index + groups.n);  // of equal experts the first is chosen
  for (int64_t i = 0; i < groups.n; ++i)
    for (int64_t x = groups.index[i] * n_each; x < (groups.index[i] + 1) * n_each; ++x)
      best.offer(x, choice[x]);
}

}  // namespace

void route(Rows<float> weights, Rows<float> experts, Rows<const float> logits,
           View<const float, 1> bias, const RouteOptions& options) {
  const int64_t X = logits.width, K = weights.width;
  CHECK(same_shape(weights, experts) && weights.n == logits.n && X <= experts_max);
  CHECK(options.n_groups >= 1 && X % options.n_groups == 0);
  CHECK(options.n_groups_used >= 1 && options.n_groups_used <= options.n_groups);
  CHECK(options.group_best >= 1 && options.group_best <= X / options.n_groups);
  CHECK(K >= 1 && K <= X / options.n_groups * options.n_groups_used);
  CHECK(bias.dim(0) == 0 || bias.dim(0) == X);
  float scores[experts_max] = {}, biased[experts_max] = {};
  Best best;
  best.n_wanted = K;
  for (int64_t t = 0; t < logits.n; ++t) {
    const Rows<float> row(scores, 1, X);
    if (options.scores == RouteScores::softmax)
      softmax(row, logits.part(t, t + 1));
    else
      activate(row, logits.part(t, t + 1), Activation::sigmoid);
    const float* choice = scores;
    if (bias.dim(0) > 0) {
      for (int64_t x = 0; x < X; ++x) biased[x] = scores[x] + bias(x);
      choice = biased;
    }
    choose(best, choice, X, options);
    float sum = 0;
    for (int64_t k = 0; k < K; ++k) sum += scores[best.index[k]];
    const float factor = options.normalize ? options.scale / (sum + 1e-20f) : options.scale;
    for (int64_t k = 0; k < K; ++k) {
      weights.row(t)[k] = scores[best.index[k]] * factor;
      experts.row(t)[k] = static_cast<float>(best.index[k]);
    }
  }
}

}  // namespace quire
