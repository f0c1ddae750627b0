#include "engine/thinking_budget.h"

#include <algorithm>

namespace quire {

ThinkingBudget::ThinkingBudget(Options options, std::shared_ptr<const Tokenizer> tokenizer,
                               std::shared_ptr<TokenConstraint> inner)
    : options_(std::move(options)),
      tokenizer_(std::move(tokenizer)),
      inner_(std::move(inner)),
      phase_(options_.thinking ? Phase::thinking : Phase::before),
      only_((static_cast<size_t>(tokenizer_->n_vocab()) + 63) / 64, 0) {
  start_closing_if_spent();
}

Result<std::shared_ptr<ThinkingBudget>> ThinkingBudget::create(
    Options options, std::shared_ptr<const Tokenizer> tokenizer,
    std::shared_ptr<TokenConstraint> inner) {
  const bool sound = !options.close.empty() && !options.closing.empty() &&
                     std::ranges::all_of(options.closing, [&](int32_t id) {
                       return id >= 0 && id < tokenizer->n_vocab();
                     });
  if (!sound)
    return fail(Fault::usage,
                "a budget for thinking needs the marker that closes it, and this model has none");
  if (options.n_tokens_max < 0)
    return fail(Fault::usage, "{} tokens of thinking, at least 0", options.n_tokens_max);
  return std::shared_ptr<ThinkingBudget>(
      new ThinkingBudget(std::move(options), std::move(tokenizer), std::move(inner)));
}

void ThinkingBudget::start_closing_if_spent() {
  if (phase_ == Phase::thinking && n_thinking_ >= options_.n_tokens_max) phase_ = Phase::closing;
}

Result<TokenSet> ThinkingBudget::allowed() {
  if (phase_ != Phase::closing) return inner_ ? inner_->allowed() : TokenSet();
  std::ranges::fill(only_, 0);
  const auto id = static_cast<size_t>(options_.closing[n_closed_]);
  only_[id / 64] = uint64_t{1} << (id % 64);
  return TokenSet(only_);
}

Result<void> ThinkingBudget::accept(int32_t token) {
  if (inner_) TRY(inner_->accept(token));
  if (phase_ == Phase::after) return {};
  if (phase_ == Phase::closing) {
    if (++n_closed_ == options_.closing.size()) phase_ = Phase::after;
    return {};
  }
  if (phase_ == Phase::thinking) ++n_thinking_;
  tail_ += tokenizer_->piece(token);
  const std::string& marker = phase_ == Phase::before ? options_.open : options_.close;
  if (!marker.empty() && tail_.find(marker) != tail_.npos) {
    phase_ = phase_ == Phase::before ? Phase::thinking : Phase::after;
    tail_.clear();
  }
  const size_t longest = std::max(options_.open.size(), options_.close.size());
  if (tail_.size() > longest) tail_.erase(0, tail_.size() - longest);
  start_closing_if_spent();
  return {};
}

}  // namespace quire
