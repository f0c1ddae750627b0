#include "engine/allowed_tokens.h"

namespace quire {

Result<std::shared_ptr<AllowedTokens>> AllowedTokens::create(
    std::span<const int32_t> ids, int64_t n_vocab, std::shared_ptr<TokenConstraint> inner) {
  if (ids.empty()) return fail(Fault::usage, "a list of allowed tokens is empty: none could come");
  std::vector<uint64_t> listed((static_cast<size_t>(n_vocab) + 63) / 64, 0);
  for (const int32_t id : ids) {
    if (id < 0 || id >= n_vocab)
      return fail(Fault::usage, "the allowed token {} is not in the vocabulary, which has 0 to {}",
                  id, n_vocab - 1);
    listed[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  return std::shared_ptr<AllowedTokens>(new AllowedTokens(std::move(listed), std::move(inner)));
}

Result<TokenSet> AllowedTokens::allowed() {
  if (inner_ == nullptr) return TokenSet(listed_);
  const TokenSet others = TRY(inner_->allowed());
  if (others.empty()) return TokenSet(listed_);
  both_ = listed_;
  for (size_t i = 0; i < both_.size(); ++i) both_[i] &= i < others.size() ? others[i] : 0;
  return TokenSet(both_);
}

Result<void> AllowedTokens::accept(int32_t token) {
  return inner_ == nullptr ? Result<void>{} : inner_->accept(token);
}

}  // namespace quire
