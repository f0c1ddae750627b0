// How likely the model thought a token was, and which were the likeliest: of the logits as the
// model gave them, before any sampler (temperature 1).
//
//   ln p[i] = logit[i] - ln sum exp(logits)
#pragma once
#include "engine/candidates.h"

#include <cstdint>
#include <span>
#include <vector>

namespace quire {

struct TokenProbability {
  int32_t token = -1;
  float log_probability = 0;  // natural
};

// A token that was drawn, or that stands in a prompt.
struct DrawnToken {
  int32_t token = -1;
  float log_probability = 0;
  std::span<const TokenProbability> likeliest;  // in order; valid during the call
};

// Keeps its memory from call to call.
class TokenProbabilities {
 public:
  // Of `token` and of the n likeliest; valid until the next call. logits (V) are numbers.
  DrawnToken of(int32_t token, std::span<const float> logits, int32_t n);
  // 1 for the likeliest; of equal ones all have the best place.
  static int64_t rank(int32_t token, std::span<const float> logits);
  // The likeliest token and its probability.
  TokenProbability best(std::span<const float> logits);

 private:
  Candidates candidates_;
  std::vector<TokenProbability> likeliest_;
};

}  // namespace quire
