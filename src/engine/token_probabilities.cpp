#include "engine/token_probabilities.h"

#include <algorithm>
#include <cmath>

namespace quire {

DrawnToken TokenProbabilities::of(int32_t token, std::span<const float> logits, int32_t n) {
  candidates_.reset(logits);
  const double log_total = static_cast<double>(candidates_.max()) + std::log(candidates_.total());
  const auto log_probability = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - log_total);
  };
  likeliest_.clear();
  if (n > 0)
    for (const Candidate& one : candidates_.first(static_cast<size_t>(n)))
      likeliest_.push_back({one.id, log_probability(one.logit)});
  return {token, log_probability(logits[static_cast<size_t>(token)]), likeliest_};
}

int64_t TokenProbabilities::rank(int32_t token, std::span<const float> logits) {
  const float own = logits[static_cast<size_t>(token)];
  return 1 + std::ranges::count_if(logits, [own](float logit) { return logit > own; });
}

TokenProbability TokenProbabilities::best(std::span<const float> logits) {
  candidates_.reset(logits);
  if (candidates_.empty()) return {};
  return {candidates_.likeliest(), static_cast<float>(-std::log(candidates_.total()))};
}

}  // namespace quire
