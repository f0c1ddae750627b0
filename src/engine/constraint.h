// TokenConstraint: what restricts the tokens an answer may consist of (a grammar, a JSON schema, a
// regular expression, a list of choices).
//
// The sampler asks for allowed() before every draw and gives every other token the probability
// zero, before any other sampler looks at the logits; then it tells the constraint what was drawn.
// Tokens of the prompt are not told. With drafts (engine/speculation.h) nothing changes: rows are
// looked at one after the other, and the constraint hears of accepted tokens only, in order.
//
//   Request request;
//   request.constraint = std::make_shared<MyGrammar>(...);
//
// Belongs to one request, and is called on the engine's thread only. What is shared between
// requests (compiled grammars, cached masks) is the implementation's business.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <span>

namespace quire {

// A set of tokens: bit id % 64 of word id / 64; ceil(V / 64) words, bits beyond V are ignored.
using TokenSet = std::span<const uint64_t>;

inline bool contains(TokenSet set, int32_t id) {
  const auto i = static_cast<size_t>(id);
  return i / 64 < set.size() && (set[i / 64] >> (i % 64) & 1) != 0;
}

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // The tokens that may come next, valid until the next call of a function that is not const. An
  // empty span allows all. Where the text may end, the model's end-of-generation tokens are in it.
  // A set without any token ends the answer with an error.
  virtual Result<TokenSet> allowed() = 0;
  // This token has been drawn. It was in the set.
  virtual Result<void> accept(int32_t token) = 0;
  // Nothing can follow: the answer ends here, as if the model had ended it.
  virtual bool finished() const = 0;
};

}  // namespace quire
