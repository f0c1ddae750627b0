// A compiled grammar (grammar/output_grammar.h) as the constraint of a request.
//
//   GrammarMaskCache cache(tokenizer);                       // one for a model
//   request.constraint = TRY(cache.constraint(grammar));     // for each request
//
// Where the grammar begins behind a marker ("</think>"), the answer is free until the text of its
// tokens contains it, control tokens by their names; what the marker's token has behind the marker
// belongs to the grammar, blanks there are skipped.
//
// Belongs to the engine's thread.
#pragma once
#include "engine/constraint.h"
#include "grammar/matcher.h"
#include "grammar/output_grammar.h"

#include <list>
#include <memory>
#include <string>

namespace quire {

class GrammarConstraint : public TokenConstraint {
 public:
  GrammarConstraint(std::shared_ptr<TokenMasks> masks, GrammarStart start);

  Result<TokenSet> allowed() override;
  Result<void> accept(int32_t token) override;
  bool finished() const override { return finished_; }
  // Whether the grammar restricts now: its marker has been seen, and it has not ended.
  bool active() const { return active_; }
  // Text that can only come next, to draft (engine/speculation.h); "" outside the grammar.
  Result<std::string> forced_text(size_t bytes_max = 256);

 private:
  Result<void> begin(const std::string& rest);

  std::shared_ptr<TokenMasks> masks_;
  GrammarStart start_;
  GrammarMatcher matcher_;
  std::shared_ptr<const TokenMask> mask_;  // that allowed() has handed out
  std::string tail_;                       // the last text, as long as the longest marker
  bool active_ = false, finished_ = false;
};

// Masks of the grammars that were used last, so that requests with one schema share them.
class GrammarMaskCache {
 public:
  explicit GrammarMaskCache(const Tokenizer& tokenizer)
      : vocabulary_(TokenVocabulary::create(tokenizer)) {}
  // bad_format when the grammar names a token that the vocabulary has not.
  Result<std::shared_ptr<TokenConstraint>> constraint(const OutputGrammar& grammar,
                                                      std::string_view name = "grammar");

 private:
  static constexpr size_t n_grammars_max = 16;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  struct Known {
    std::shared_ptr<const Automaton> automaton;
    std::shared_ptr<TokenMasks> masks;
  };
  std::list<Known> known_;  // the one used last first
};

}  // namespace quire
