// Added tokens: strings that are cut out of a text before anything else is done with it. At each
// place the longest one counts, and matches never overlap; the further rules (single words, white
// space swallowed) are those of the Hugging Face `tokenizers` library.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "text/prefix_matcher.h"
#include "text/tokenizer.h"
#include "text/tokenizer_spec.h"

#include <string_view>
#include <vector>

namespace quire {

class AddedTokens {
 public:
  // `text` is what to look for: the token's text as it is, or normalized.
  void add(const AddedTokenSpec& token, std::string_view text);
  bool empty() const { return tokens_.empty(); }
  // Calls part(id, text) for what `text` falls into, in order: id >= 0 for a token, -1 for the text
  // between two, which is not empty. plain_at: see EncodeOptions.
  Result<void> split(std::string_view text, ParseSpecial parse,
                     FunctionRef<Result<void>(int32_t id, std::string_view part)> part,
                     std::span<const size_t> plain_at = {}) const;

 private:
  std::vector<AddedTokenSpec> tokens_;
  PrefixMatcher matcher_;  // of indices of tokens_
};

}  // namespace quire
