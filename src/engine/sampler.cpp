#include "engine/sampler.h"

#include "base/check.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

}  // namespace

Result<void> check_sampling(const SamplingParams& p) {
  if (!(p.temperature >= 0) || !std::isfinite(p.temperature))
    return fail(Fault::usage, "temperature {} is out of range, at least 0", p.temperature);
  if (p.top_k < 0) return fail(Fault::usage, "top_k {} is out of range, at least 0", p.top_k);
  if (!(p.top_p >= 0 && p.top_p <= 1))
    return fail(Fault::usage, "top_p {} is out of range, 0 to 1", p.top_p);
  if (!(p.min_p >= 0 && p.min_p <= 1))
    return fail(Fault::usage, "min_p {} is out of range, 0 to 1", p.min_p);
  if (!(p.repeat_penalty > 0) || !std::isfinite(p.repeat_penalty))
    return fail(Fault::usage, "repeat_penalty {} is out of range, above 0", p.repeat_penalty);
  if (p.repeat_last_n < -1)
    return fail(Fault::usage, "repeat_last_n {} is out of range, at least -1", p.repeat_last_n);
  return {};
}

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> banned)
    : params_(params), rng_(params.seed), banned_(banned.begin(), banned.end()) {
  CHECK(check_sampling(params).has_value());
}

void Sampler::accept(int32_t token) {
  if (params_.repeat_penalty == 1 || params_.repeat_last_n == 0) return;
  const auto n_max = static_cast<size_t>(params_.repeat_last_n);
  if (params_.repeat_last_n < 0 || recent_.size() < n_max) {
    recent_.push_back(token);
    return;
  }
  recent_[next_recent_] = token;
  next_recent_ = (next_recent_ + 1) % n_max;
}

Result<int32_t> Sampler::sample(std::span<const float> logits) {
  bool sound = !logits.empty();
  for (const float logit : logits) sound &= logit < -never;  // false for NaN, too
  if (sound) penalize(logits);
  if (sound) collect(params_.temperature == 0 ? 1 : static_cast<size_t>(params_.top_k));
  if (!sound || candidates_.empty())
    return fail(Fault::bad_format, "the model's logits are not numbers: its weights are damaged");
  return params_.temperature == 0 ? candidates_[0].id : draw(sort_nucleus());
}

// penalized_ = logits, with the recent tokens made less likely and the banned ones impossible.
void Sampler::penalize(std::span<const float> logits) {
  penalized_.assign(logits.begin(), logits.end());
  for (const int32_t id : banned_)
    if (id >= 0 && static_cast<size_t>(id) < penalized_.size())
      penalized_[static_cast<size_t>(id)] = never;
  if (recent_.empty()) return;
  distinct_ = recent_;
  std::sort(distinct_.begin(), distinct_.end());
  distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
  for (const int32_t id : distinct_) {
    if (id < 0 || static_cast<size_t>(id) >= penalized_.size()) continue;
    float& logit = penalized_[static_cast<size_t>(id)];
    logit = logit <= 0 ? logit * params_.repeat_penalty : logit / params_.repeat_penalty;
  }
}

// candidates_: the k largest logits, unsorted; all of them when k is 0. One pass with a heap of k:
// nearly every logit is turned away by one comparison.
void Sampler::collect(size_t k) {
  const std::span<const float> logits = penalized_;
  candidates_.clear();
  const bool all = k == 0 || k >= logits.size();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] > never)) continue;
    const Candidate candidate{logits[i], static_cast<int32_t>(i)};
    if (all || candidates_.size() < k) {
      candidates_.push_back(candidate);
      if (!all) std::push_heap(candidates_.begin(), candidates_.end());
    } else if (candidate < candidates_.front()) {
      std::pop_heap(candidates_.begin(), candidates_.end());
      candidates_.back() = candidate;
      std::push_heap(candidates_.begin(), candidates_.end());
    }
  }
}

// Sorts candidates_ only as far as top_p and min_p reach; returns how many stay.
size_t Sampler::sort_nucleus() {
  const float largest = std::min_element(candidates_.begin(), candidates_.end())->logit;
  double total = 0;
  for (const Candidate& c : candidates_)
    total += std::exp(static_cast<double>(c.logit) - static_cast<double>(largest));
  const double mass_wanted = params_.top_p < 1 ? params_.top_p * total : total * 2;  // 2: never met

  double mass = 0;
  size_t n_sorted = 0;
  for (size_t n = 0; n < candidates_.size(); ++n) {
    if (n == n_sorted) {  // sort four times as many as so far
      n_sorted = std::min(candidates_.size(), std::max<size_t>(64, 4 * n_sorted));
      std::partial_sort(candidates_.begin() + static_cast<std::ptrdiff_t>(n),
                        candidates_.begin() + static_cast<std::ptrdiff_t>(n_sorted),
                        candidates_.end());
    }
    const double p =
        std::exp(static_cast<double>(candidates_[n].logit) - static_cast<double>(largest));
    if (n > 0 && (p < params_.min_p || mass >= mass_wanted)) return n;
    mass += p;
  }
  return candidates_.size();
}

// One of the first n candidates, by their probabilities at the temperature.
int32_t Sampler::draw(size_t n) {
  const auto weight = [&](const Candidate& c) {
    return std::exp((static_cast<double>(c.logit) - static_cast<double>(candidates_[0].logit)) /
                    static_cast<double>(params_.temperature));
  };
  double total = 0;
  for (size_t i = 0; i < n; ++i) total += weight(candidates_[i]);
  double left = rng_.uniform() * total;
  for (size_t i = 0; i + 1 < n; ++i) {
    left -= weight(candidates_[i]);
    if (left < 0) return candidates_[i].id;
  }
  return candidates_[n - 1].id;
}

}  // namespace quire
