#include "engine/grammar_constraint.h"

#include "format/printable.h"

#include <algorithm>

namespace quire {

GrammarConstraint::GrammarConstraint(std::shared_ptr<TokenMasks> masks, GrammarStart start)
    : masks_(std::move(masks)),
      start_(std::move(start)),
      matcher_(masks_),
      active_(start_.markers.empty()) {}

Result<TokenSet> GrammarConstraint::allowed() {
  if (active_) {
    mask_ = TRY(matcher_.allowed());
    return TokenSet(*mask_);
  }
  if (!start_.marker_required) return TokenSet();
  // Anything but the end: the answer has yet to come.
  const TokenVocabulary& all = masks_->vocabulary();
  auto mask = std::make_shared<TokenMask>(all.n_words(), ~uint64_t{0});
  for (const int32_t id : all.ends())
    if (id >= 0 && static_cast<size_t>(id) < all.n_tokens())
      (*mask)[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (static_cast<size_t>(id) % 64));
  mask_ = std::move(mask);
  return TokenSet(*mask_);
}

Result<void> GrammarConstraint::accept(int32_t token) {
  const TokenVocabulary& all = masks_->vocabulary();
  if (!active_) {
    if (token < 0 || static_cast<size_t>(token) >= all.n_tokens()) return {};
    tail_ += all.name(token);
    size_t longest = 0;
    for (const std::string& marker : start_.markers) {
      const size_t at = tail_.find(marker);
      if (at != tail_.npos) return begin(tail_.substr(at + marker.size()));
      longest = std::max(longest, marker.size());
    }
    if (tail_.size() > longest) tail_.erase(0, tail_.size() - longest);
    return {};
  }
  TRY(matcher_.accept(token));
  if (!TRY(matcher_.complete())) return {};
  if (!start_.repeats) {
    finished_ = true;
    return {};
  }
  active_ = false;
  matcher_ = GrammarMatcher(masks_);
  return {};
}

// `rest` is a part of the text that tail_ holds.
Result<void> GrammarConstraint::begin(const std::string& rest) {
  tail_.clear();
  active_ = true;
  const size_t first = std::min(rest.find_first_not_of(" \t\r\n"), rest.size());
  // Blanks that the grammar begins with belong to it.
  for (const size_t from : {size_t{0}, first}) {
    GrammarMatcher matcher(masks_);
    const std::string_view text = std::string_view(rest).substr(from);
    if (TRY(matcher.begin_with(text)) != text.size()) continue;
    matcher_ = std::move(matcher);
    if (start_.repeats || !TRY(matcher_.complete())) return {};
    finished_ = true;
    return {};
  }
  return fail(Fault::bad_format,
              "{}: '{}' follows the marker within one token, and does not follow the grammar",
              masks_->name(), printable(rest, 40));
}

Result<std::string> GrammarConstraint::forced_text(size_t bytes_max) {
  if (!active_) return std::string();
  return matcher_.forced_text(bytes_max);
}

Result<std::shared_ptr<TokenConstraint>> GrammarMaskCache::constraint(const OutputGrammar& grammar,
                                                                      std::string_view name) {
  const auto known = std::find_if(known_.begin(), known_.end(), [&](const Known& one) {
    return one.automaton == grammar.automaton;
  });
  if (known != known_.end()) {
    known_.splice(known_.begin(), known_, known);
  } else {
    auto masks = TRY(TokenMasks::create(grammar.automaton, vocabulary_, std::string(name)));
    known_.push_front({grammar.automaton, std::move(masks)});
    if (known_.size() > n_grammars_max) known_.pop_back();
  }
  return std::make_shared<GrammarConstraint>(known_.front().masks, grammar.start);
}

}  // namespace quire
