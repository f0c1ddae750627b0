// An answer of a few tokens only: every token that is not in the list has the probability zero, the
// model's end-of-generation tokens too unless they are named (`allowed_token_ids`, as vLLM has it).
//
//   request.constraint = TRY(AllowedTokens::create({464, 1212}, n_vocab, grammar));  // or nullptr
//
// Belongs to one request, on the engine's thread.
#pragma once
#include "engine/constraint.h"

#include <memory>
#include <vector>

namespace quire {

class AllowedTokens : public TokenConstraint {
 public:
  // `inner` hears of every token, and what it does not allow may not come either; may be null.
  // usage for an empty list and for ids that are not 0 to n_vocab - 1.
  static Result<std::shared_ptr<AllowedTokens>> create(std::span<const int32_t> ids,
                                                       int64_t n_vocab,
                                                       std::shared_ptr<TokenConstraint> inner);

  Result<TokenSet> allowed() override;
  Result<void> accept(int32_t token) override;
  bool finished() const override { return inner_ != nullptr && inner_->finished(); }

 private:
  AllowedTokens(std::vector<uint64_t> listed, std::shared_ptr<TokenConstraint> inner)
      : listed_(std::move(listed)), inner_(std::move(inner)) {}

  std::vector<uint64_t> listed_, both_;  // a bit for each token, as TokenSet has them
  std::shared_ptr<TokenConstraint> inner_;
};

}  // namespace quire
