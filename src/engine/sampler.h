// Sampler: from the logits of one position to the next token.
//
//   logit bias, banned tokens, constraint
//   -> penalties -> dry -> top_n_sigma -> top_k -> typ_p -> top_p -> min_p -> xtc -> temperature
//   -> one draw
//
// in this order unless SamplingParams::samplers says another; each is a file of its own
// (engine/samplers.inc). Greedy (temperature 0) takes the largest logit after bias, constraint and
// penalties and, of equal ones, the lowest id. With mirostat the samplers that leave tokens out
// rest. The draw depends on the logits, the parameters, the tokens so far and the seed only.
//
// It costs one pass over the logits; what comes after touches the likeliest few (bench/
// sampler_bench.cpp).
#pragma once
#include "base/result.h"
#include "base/rng.h"
#include "engine/mirostat.h"
#include "engine/sampler_stage.h"
#include "engine/token_probabilities.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace quire {

// Belongs to one sequence and one thread.
class Sampler {
 public:
  // banned: ids that are never drawn. The parameters have passed check_sampling. The tokenizer is
  // needed for the breakers of dry and may else be null.
  Sampler(const SamplingParams& params, std::span<const int32_t> banned = {},
          const Tokenizer* tokenizer = nullptr);

  // Tells it a token of the sequence, of the prompt or drawn, in order.
  void accept(int32_t token);
  // logits (V). bad_format when one is not a number: the model is damaged. unsupported when the
  // constraint, the bias and the banned tokens leave nothing. banned_now: ids that this draw must
  // not give.
  Result<int32_t> sample(std::span<const float> logits, TokenConstraint* constraint = nullptr,
                         std::span<const int32_t> banned_now = {});
  // The token that sample() gave last, with its probability and those of the n likeliest as they
  // were drawn from; valid until the next call. Those that samplers left out are not among them.
  DrawnToken drawn(int32_t n);
  const SamplingParams& params() const { return params_; }

 private:
  SamplingParams params_;
  Rng rng_;
  std::vector<int32_t> banned_;
  std::vector<std::unique_ptr<SamplerStage>> stages_;  // those that do something, in order
  std::optional<Mirostat> mirostat_;
  Candidates candidates_;
  Candidates::Drawn drawn_;  // last
  std::vector<TokenProbability> likeliest_;
};

}  // namespace quire
