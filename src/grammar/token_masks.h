// TokenMasks: one grammar on one vocabulary: which tokens may come next.
//
// A token is allowed when its bytes keep the grammar alive. Asking each of 128,000 tokens costs
// milliseconds, so (an idea of XGrammar, Dong et al. 2024, arXiv:2411.15100) the answer is kept in
// two parts. For the innermost open rules, wherever they were called from, most tokens are allowed
// or refused already; the few that run over the end of a rule depend on its callers. The first part
// is found once for each place in the grammar, by a walk over the tree of tokens when it is first
// needed; a mask is then a copy of it and a look at the few. And a mask is kept for each state of
// the parser, as long as there is room.
//
// Shared by all sequences under the same grammar. Belongs to one thread.
#pragma once
#include "base/result.h"
#include "grammar/parse_states.h"
#include "grammar/token_vocabulary.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace quire {

struct MaskLimits {
  ParseLimits parse;
  size_t mask_bytes_max = 32 << 20;  // of the masks that are kept, each kind
};

using TokenMask = std::vector<uint64_t>;  // bit id % 64 of word id / 64

class TokenMasks {
 public:
  // bad_format when the grammar names a token that the vocabulary has not. `name` opens the texts.
  static Result<std::shared_ptr<TokenMasks>> create(
      std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenVocabulary> vocabulary,
      std::string name, const MaskLimits& limits = {});

  const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  const std::string& name() const { return name_; }
  ParseStates& states() { return states_; }

  // After the token; dead_state when it is not allowed. id in the vocabulary.
  StateId after(StateId state, int32_t id);
  // The tokens that may follow, those that end the generation with them where the text may end.
  std::shared_ptr<const TokenMask> allowed(StateId state);
  // The only text that can follow, as far as there is only one: what need not be generated.
  std::string forced_text(StateId state, size_t bytes_max);

  // The parser's memory is full: what was answered since is not to be trusted.
  bool full() const { return states_.full(); }
  // Forgets everything. States from before are no longer valid: those of the new age are.
  void restart();
  uint64_t age() const { return age_; }

 private:
  struct LocalMask {
    TokenMask allowed;
    std::vector<uint32_t> unsure;  // nodes of the vocabulary: all tokens at and below are in doubt
  };
  TokenMasks(std::shared_ptr<const Automaton> automaton,
             std::shared_ptr<const TokenVocabulary> vocabulary, std::string name,
             const MaskLimits& limits);
  bool matches(uint32_t terminal, int32_t id) const;
  const LocalMask& local_mask(StateId local, uint32_t n_bytes);
  void add_unsure(TokenMask& mask, StateId state, std::span<const uint32_t> unsure);
  void add_terminals(TokenMask& mask, StateId state);

  std::shared_ptr<const Automaton> automaton_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  std::string name_;
  MaskLimits limits_;
  ParseStates states_;
  uint64_t age_ = 1;
  std::vector<std::vector<int32_t>> terminal_ids_;  // of each terminal of the grammar
  std::vector<int> bytes_of_class_;
  std::unordered_map<StateId, std::shared_ptr<const TokenMask>> masks_;
  std::unordered_map<uint64_t, LocalMask> local_masks_;
  std::vector<StateId> path_;  // states along the bytes of a token
};

}  // namespace quire
