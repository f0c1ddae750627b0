// The choice of experts against the formula, written with a full sort.
#include "kernels/route.h"

#include "unit/kernels/support.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace quire {
namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

struct Chosen {
  Doubles weights;
  std::vector<int64_t> experts;
};

std::vector<int64_t> by_score(const Doubles& scores, std::vector<int64_t> from, int64_t n) {
  std::stable_sort(from.begin(), from.end(), [&](int64_t a, int64_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  from.resize(static_cast<size_t>(n));
  return from;
}

std::vector<int64_t> numbers(int64_t begin, int64_t end) {
  std::vector<int64_t> all(static_cast<size_t>(end - begin));
  std::iota(all.begin(), all.end(), begin);
  return all;
}

Chosen formula(const Doubles& logits, const Doubles& bias, int64_t n_used,
               const RouteOptions& options) {
  const auto X = static_cast<int64_t>(logits.size());
  Doubles scores(logits.size());
  double sum = 0;
  for (const double x : logits) sum += std::exp(x);
  for (size_t x = 0; x < logits.size(); ++x)
    scores[x] = options.scores == RouteScores::softmax ? std::exp(logits[x]) / sum
                                                       : 1 / (1 + std::exp(-logits[x]));
  Doubles choice = scores;
  for (size_t x = 0; x < bias.size(); ++x) choice[x] += bias[x];

  Doubles of_group;
  const int64_t n_each = X / options.n_groups;
  for (int64_t g = 0; g < options.n_groups; ++g) {
    double total = 0;
    for (const int64_t x :
         by_score(choice, numbers(g * n_each, (g + 1) * n_each), options.group_best))
      total += choice[static_cast<size_t>(x)];
    of_group.push_back(total);
  }
  std::vector<int64_t> groups =
      by_score(of_group, numbers(0, options.n_groups), options.n_groups_used);
  std::sort(groups.begin(), groups.end());
  std::vector<int64_t> candidates;
  for (const int64_t g : groups)
    for (const int64_t x : numbers(g * n_each, (g + 1) * n_each)) candidates.push_back(x);

  Chosen chosen{{}, by_score(choice, candidates, n_used)};
  double total = 0;
  for (const int64_t x : chosen.experts) total += scores[static_cast<size_t>(x)];
  for (const int64_t x : chosen.experts)
    chosen.weights.push_back(scores[static_cast<size_t>(x)] * static_cast<double>(options.scale) /
                             (options.normalize ? total : 1.0));
  return chosen;
}

Chosen routed(const Floats& logits, const Floats& bias, int64_t n_used,
              const RouteOptions& options) {
  Floats weights(static_cast<size_t>(n_used)), experts(weights.size());
  route(rows_of(weights, 1), rows_of(experts, 1), rows_of(logits, 1), vector_of(bias), options);
  return {as_doubles(weights), {experts.begin(), experts.end()}};
}

class Route : public EachIsa {};
FOR_EACH_ISA(Route);

TEST_P(Route, IsTheFormula) {
  const RouteOptions kinds[] = {
      {},
      {.normalize = true, .scale = 2.5f},
      {.scores = RouteScores::sigmoid, .normalize = true, .scale = 0.5f},
      {.n_groups = 4, .n_groups_used = 2},
      {.scores = RouteScores::sigmoid, .n_groups = 4, .n_groups_used = 3, .group_best = 2}};
  for (const RouteOptions& options : kinds)
    for (const int64_t X : {8, 16, 20, 60, 128, 256})
      for (const bool biased : {false, true})
        for (uint64_t seed = 1; seed <= 5; ++seed) {
          const int64_t n_most = X / options.n_groups * options.n_groups_used;
          const int64_t n_used = 1 + static_cast<int64_t>(seed) % std::min<int64_t>(n_most, 8);
          const Floats logits = random_floats(X, seed, 3);
          const Floats bias = biased ? random_floats(X, seed + 100, 0.3) : Floats();
          const Chosen ours = routed(logits, bias, n_used, options);
          const Chosen right = formula(as_doubles(logits), as_doubles(bias), n_used, options);
          EXPECT_EQ(ours.experts, right.experts) << X << " experts, seed " << seed;
          EXPECT_LT(difference(ours.weights, right.weights), few_ulp)
              << X << " experts, seed " << seed;
        }
}

TEST_P(Route, OfEqualScoresTheFirstIsChosen) {
  const Floats logits{1, 5, 5, 0, 5, 1, 1, 1};
  EXPECT_EQ(routed(logits, {}, 5, {}).experts, (std::vector<int64_t>{1, 2, 4, 0, 5}));
  EXPECT_EQ(routed(logits, {}, 3, {.n_groups = 4, .n_groups_used = 2}).experts,
            (std::vector<int64_t>{1, 2, 0}));
}

TEST_P(Route, ScoresThatAreNoNumbersAreChosenLastAndNoExpertTwice) {
  const Floats bias{0, nan_value, 0.5f, nan_value, nan_value};
  EXPECT_EQ(routed({1, 1, 1, 1, 1}, bias, 4, {}).experts, (std::vector<int64_t>{2, 0, 1, 3}));
  EXPECT_EQ(routed(Floats(8, nan_value), {}, 3, {}).experts, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(routed(Floats(8, nan_value), {}, 3, {.n_groups = 4, .n_groups_used = 2}).experts,
            (std::vector<int64_t>{0, 1, 2}));
}

}  // namespace
}  // namespace quire
