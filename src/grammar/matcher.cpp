#include "grammar/matcher.h"

#include "base/check.h"
#include "format/printable.h"

#include <algorithm>

namespace quire {

GrammarMatcher::GrammarMatcher(std::shared_ptr<TokenMasks> masks)
    : masks_(std::move(masks)), age_(masks_->age()) {
  states_.push_back(masks_->states().start());
}

void GrammarMatcher::replay() {
  states_.assign(1, masks_->states().start());
  for (const char c : begin_)
    states_[0] = masks_->states().next(states_[0], static_cast<uint8_t>(c));
  for (const int32_t token : tokens_) states_.push_back(masks_->after(states_.back(), token));
  age_ = masks_->age();
}

template <class F>
auto GrammarMatcher::with_state(F f) -> Result<decltype(f(StateId{}))> {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (masks_->full()) masks_->restart();
    if (age_ != masks_->age()) replay();
    if (masks_->full()) break;
    auto result = f(states_.back());
    if (!masks_->full()) return result;
  }
  masks_->restart();
  return fail(Fault::limit,
              "{}: the grammar is too ambiguous here: the parser needs more memory than it may "
              "have after {} tokens; write it with fewer ways to read the same text",
              masks_->name(), tokens_.size());
}

Result<std::shared_ptr<const TokenMask>> GrammarMatcher::allowed() {
  return with_state([&](StateId state) { return masks_->allowed(state); });
}

Result<bool> GrammarMatcher::accepts() {
  return with_state([&](StateId state) { return masks_->states().accepts(state); });
}

Result<bool> GrammarMatcher::complete() {
  return with_state([&](StateId state) { return masks_->states().complete(state); });
}

Result<std::string> GrammarMatcher::forced_text(size_t bytes_max) {
  return with_state([&](StateId state) { return masks_->forced_text(state, bytes_max); });
}

Result<void> GrammarMatcher::accept(int32_t token) {
  const TokenVocabulary& all = masks_->vocabulary();
  if (token < 0 || static_cast<size_t>(token) >= all.n_tokens())
    return fail(Fault::usage, "{}: token {} is not in the vocabulary of {}", masks_->name(), token,
                all.n_tokens());
  const StateId next = TRY(with_state([&](StateId state) { return masks_->after(state, token); }));
  if (next == dead_state) {
    const bool ends = std::find(all.ends().begin(), all.ends().end(), token) != all.ends().end();
    if (ends && TRY(accepts())) return {};
    return fail(Fault::usage, "{}: token {} ('{}') does not follow the grammar", masks_->name(),
                token, printable(all.name(token), 40));
  }
  tokens_.push_back(token);
  states_.push_back(next);
  return {};
}

void GrammarMatcher::rollback(size_t n) {
  CHECK(n <= tokens_.size());
  tokens_.resize(tokens_.size() - n);
  if (age_ == masks_->age()) states_.resize(tokens_.size() + 1);
}

Result<size_t> GrammarMatcher::begin_with(std::string_view text) {
  CHECK(tokens_.empty());
  size_t n = 0;
  const StateId at = TRY(with_state([&](StateId state) {
    for (n = 0; n < text.size(); ++n) {
      const StateId next = masks_->states().next(state, static_cast<uint8_t>(text[n]));
      if (next == dead_state) break;
      state = next;
    }
    return state;
  }));
  states_.back() = at;
  begin_ += text.substr(0, n);
  return n;
}

}  // namespace quire
