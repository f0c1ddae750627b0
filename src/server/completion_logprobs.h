// Probabilities of tokens as the completions API shows them: four lists of equal length, of the
// prompt too when it is echoed; and as vLLM shows those of a prompt (prompt_logprobs).
#pragma once
#include "server/engine_host.h"
#include "server/json.h"
#include "text/tokenizer.h"

#include <string>
#include <vector>

namespace quire::server {

// -9999 for what cannot be, as OpenAI's API has it: JSON has no infinity.
double finite_log_probability(float log_probability);

enum class TokenNames : uint8_t {
  texts,  // "The"
  ids,    // "token_id:464", for tokens that are no text of their own
};

// The lists of one choice, piece by piece as it grows: offsets go on from piece to piece.
class LogprobLists {
 public:
  // special: whether control tokens are in the text, too.
  LogprobLists(const Tokenizer& tokenizer, TokenNames names, size_t n_top, ShowSpecial special)
      : tokenizer_(&tokenizer), names_(names), n_top_(n_top), special_(special) {}

  // {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; offsets are characters of the
  // choice's text.
  Json of(const std::vector<TokenEvent>& tokens);
  // The prompt's first token, which follows nothing and so has no probability.
  static TokenEvent first_of_prompt(int32_t token);

 private:
  void add(Json& lists, const TokenEvent& event);
  std::string name(int32_t token) const;

  const Tokenizer* tokenizer_;
  TokenNames names_;
  size_t n_top_;
  ShowSpecial special_;
  size_t offset_ = 0;
};

// [null, {"464": {"logprob", "rank", "decoded_token"}, ...}, ...]: of each token of the prompt
// itself and of the n_top likeliest in its place.
Json prompt_logprobs_json(const Tokenizer& tokenizer, const std::vector<TokenEvent>& tokens,
                          size_t n_top);

}  // namespace quire::server
