#include "engine/sampler.h"

#include "base/check.h"

#include <cmath>
#include <limits>

namespace quire {
namespace {

using MakeStage = std::unique_ptr<SamplerStage> (*)(const SamplingParams&, const Tokenizer*);

MakeStage stage_of(char letter) {
  switch (letter) {
#define SAMPLER(function, name, its_letter) \
  case its_letter:                          \
    return make_##function;
#include "engine/samplers.inc"
#undef SAMPLER
    default:
      return nullptr;
  }
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> banned,
                 const Tokenizer* tokenizer)
    : params_(params), rng_(params.seed), banned_(banned.begin(), banned.end()) {
  CHECK(check_sampling(params).has_value());
  const bool greedy = params.temperature == 0;
  if (params.mirostat != 0 && !greedy) mirostat_.emplace(params);
  for (const char letter : params.samplers) {
    std::unique_ptr<SamplerStage> stage = stage_of(letter)(params, tokenizer);
    if (stage == nullptr) continue;
    if (stage->truncates() && (greedy || mirostat_)) continue;
    if (letter == 't' && greedy) continue;
    stages_.push_back(std::move(stage));
  }
}

void Sampler::accept(int32_t token) {
  for (const auto& stage : stages_) stage->accept(token);
}

Result<int32_t> Sampler::sample(std::span<const float> logits, TokenConstraint* constraint,
                                std::span<const int32_t> banned_now) {
  if (!candidates_.reset(logits) || candidates_.empty())
    return fail(Fault::bad_format, "the model's logits are not numbers: its weights are damaged");
  for (const LogitBias& one : params_.logit_bias)
    candidates_.change(one.token, [&](float logit) { return logit + one.bias; });
  for (const std::span<const int32_t> ids : {std::span<const int32_t>(banned_), banned_now})
    for (const int32_t id : ids)
      candidates_.change(id, [](float) { return -std::numeric_limits<float>::infinity(); });
  if (constraint != nullptr)
    if (const TokenSet allowed = TRY(constraint->allowed()); !allowed.empty())
      candidates_.keep_only(allowed);
  if (candidates_.empty())
    return fail(Fault::unsupported,
                "no token of the vocabulary may come next: the constraint of the answer, the logit "
                "bias and the tokens that are never drawn leave none");
  for (const auto& stage : stages_) stage->apply(candidates_, rng_);
  if (params_.temperature == 0)
    drawn_ = {candidates_.likeliest(), 1, 1};
  else
    drawn_ = mirostat_ ? mirostat_->draw(candidates_, rng_) : candidates_.draw(rng_);
  return drawn_.id;
}

DrawnToken Sampler::drawn(int32_t n) {
  const auto ln = [](double share) { return static_cast<float>(std::log(share)); };
  const float log_probability = ln(drawn_.weight / drawn_.total);
  likeliest_.clear();
  if (params_.temperature == 0 && n > 0) {
    likeliest_.push_back({drawn_.id, log_probability});  // nothing else could have been drawn
  } else if (n > 0) {
    const double total = candidates_.total(), largest = candidates_.max();
    for (const Candidate& one : candidates_.first(static_cast<size_t>(n)))
      likeliest_.push_back({one.id, ln(std::exp(double{one.logit} - largest) / total)});
  }
  return {drawn_.id, log_probability, likeliest_};
}

}  // namespace quire
