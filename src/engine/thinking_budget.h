// At most so many tokens of thinking: then the marker that closes it can only come next, and the
// answer begins.
//
//   request.constraint = std::make_shared<ThinkingBudget>(
//       ThinkingBudget::Options{.n_tokens_max = 512, .open = "<think>", .close = "</think>",
//                               .thinking = true, .closing = TRY(tokenizer.encode("\n</think>\n\n",
//                               ...))},
//       tokenizer, grammar);                      // a grammar behind the thinking, or nullptr
//
// Belongs to one request, on the engine's thread.
#pragma once
#include "engine/constraint.h"
#include "text/tokenizer.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

class ThinkingBudget : public TokenConstraint {
 public:
  struct Options {
    int64_t n_tokens_max = 0;      // 0: none at all
    std::string open, close;       // as the vocabulary names the markers
    bool thinking = false;         // the prompt has opened it
    std::vector<int32_t> closing;  // tokens that close it: not empty, in the vocabulary
  };
  // `inner` hears of every token and restricts wherever the closing is not forced; may be null.
  // usage when there is nothing to close with.
  static Result<std::shared_ptr<ThinkingBudget>> create(Options options,
                                                        std::shared_ptr<const Tokenizer> tokenizer,
                                                        std::shared_ptr<TokenConstraint> inner);

  Result<TokenSet> allowed() override;
  Result<void> accept(int32_t token) override;
  bool finished() const override { return inner_ != nullptr && inner_->finished(); }
  int64_t n_thinking() const { return n_thinking_; }  // tokens so far

 private:
  ThinkingBudget(Options options, std::shared_ptr<const Tokenizer> tokenizer,
                 std::shared_ptr<TokenConstraint> inner);
  enum class Phase : uint8_t { before, thinking, closing, after };
  void start_closing_if_spent();

  Options options_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<TokenConstraint> inner_;
  Phase phase_;
  int64_t n_thinking_ = 0;
  size_t n_closed_ = 0;  // of options_.closing
  std::string tail_;     // the last text, as long as a marker
  std::vector<uint64_t> only_;
};

}  // namespace quire
