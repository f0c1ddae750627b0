// How the next token is chosen: every setting, under the names that llama.cpp and the OpenAI API
// use. What each does stands in the file of its sampler (engine/sampler_NAME.cpp).
#pragma once
#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct LogitBias {
  int32_t token = 0;
  float bias = 0;  // added to its logit; -infinity: never drawn
};

struct SamplingParams {
  float temperature = 0.8f;     // logits are divided by it; 0: the likeliest token
  float dynatemp_range = 0;     // temperature +- this, by entropy; 0: off
  float dynatemp_exponent = 1;  // how entropy maps to temperature
  int32_t top_k = 40;           // the k likeliest only; 0: all
  float top_p = 0.95f;          // the fewest that have this probability together; 1: all
  float min_p = 0.05f;          // at least this share of the likeliest one's probability; 0: all
  float typical_p = 1;          // the most typical that have this probability together; 1: all
  float top_n_sigma = -1;       // within so many standard deviations of the largest; <= 0: all
  float xtc_probability = 0;    // how often the likeliest are left out; 0: never
  float xtc_threshold = 0.1f;   // which have at least this probability; above 0.5: never

  // Of recent tokens: divides positive logits and multiplies negative ones; 1: off. Subtracted
  // once; subtracted for each time.
  float repeat_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int32_t repeat_last_n = 64;  // how many tokens back are recent; 0: none, -1: all

  float dry_multiplier = 0;  // 0: off
  float dry_base = 1.75f;
  int32_t dry_allowed_length = 2;   // repeats up to this length cost nothing
  int32_t dry_penalty_last_n = -1;  // how far back repeats are looked for; 0: not, -1: all
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};

  int32_t mirostat = 0;       // 1 or 2: in the place of all samplers that leave tokens out
  float mirostat_tau = 5;     // surprise aimed at, in bits
  float mirostat_eta = 0.1f;  // how fast it is corrected

  std::vector<LogitBias> logit_bias;
  // Which samplers in which order, as letters of engine/samplers.inc.
  std::string samplers = "edskypmxt";
  uint64_t seed = 0;
};

// usage, naming the parameter, its value and its limit.
Result<void> check_sampling(const SamplingParams& params);
// "penalties;top_k;temperature" as letters; usage names an unknown one and those that are known.
Result<std::string> sampler_letters(std::string_view names);
// And back.
std::string sampler_names(std::string_view letters);

}  // namespace quire
