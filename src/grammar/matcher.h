// GrammarMatcher: how far one answer has come in a grammar.
//
//   GrammarMatcher matcher(masks);
//   auto mask = TRY(matcher.allowed());      // draw from these
//   TRY(matcher.accept(token));
//   matcher.rollback(2);                     // drafted tokens that were not taken after all
//
// Cheap to copy. Belongs to the thread of its TokenMasks.
#pragma once
#include "base/result.h"
#include "grammar/token_masks.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace quire {

class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<TokenMasks> masks);

  // The tokens that may come next, with those that end the generation where the text may end. limit
  // when the grammar is too ambiguous for the parser's memory.
  Result<std::shared_ptr<const TokenMask>> allowed();
  // usage when the token is not allowed; nothing has changed then. A token that ends the generation
  // is allowed where accepts(), and changes nothing.
  Result<void> accept(int32_t token);
  // The last n tokens were never accepted; n <= n_accepted().
  void rollback(size_t n);
  size_t n_accepted() const { return tokens_.size(); }

  // The text so far follows the grammar; and nothing can follow it.
  Result<bool> accepts();
  Result<bool> complete();
  // What can only come next (TokenMasks::forced_text), "" where there is a choice.
  Result<std::string> forced_text(size_t bytes_max = 256);

  // Text instead of a token, as long as no token has been accepted: returns how many of the bytes
  // the grammar has taken.
  Result<size_t> begin_with(std::string_view text);

 private:
  // What f gives for the state, made again from the start when the parser has forgotten it.
  template <class F>
  auto with_state(F f) -> Result<decltype(f(StateId{}))>;
  void replay();

  std::shared_ptr<TokenMasks> masks_;
  uint64_t age_;
  std::string begin_;            // of begin_with
  std::vector<int32_t> tokens_;  // accepted
  std::vector<StateId> states_;  // before the first and after each of them
};

}  // namespace quire
