// Sampler: from the logits of one position to the next token.
//
//   penalties -> top_k -> top_p -> min_p -> temperature -> one draw
//
// in the order of llama.cpp. Greedy (temperature 0) takes the largest logit after the penalties
// and, of equal ones, the lowest id. The draw depends on the logits, the parameters and the seed
// only. Sources: top_k Fan et al. 2018, arXiv:1805.04833; top_p Holtzman et al. 2019,
// arXiv:1904.09751; min_p Nguyen et al. 2024, arXiv:2407.01082; repetition Keskar et al. 2019,
// arXiv:1909.05858.
#pragma once
#include "base/result.h"
#include "base/rng.h"

#include <cstdint>
#include <span>
#include <vector>

namespace quire {

struct SamplingParams {
  float temperature = 0.8f;  // logits are divided by it; 0: greedy
  int32_t top_k = 40;        // the k likeliest only; 0: all
  float top_p = 0.95f;       // the fewest that have this probability together; 1: all
  float min_p = 0.05f;       // at least this share of the likeliest one's probability; 0: all
  float repeat_penalty =
      1.0f;                    // divides positive logits of recent tokens, multiplies negative ones
  int32_t repeat_last_n = 64;  // how many tokens back are recent; 0: none, -1: all
  uint64_t seed = 0;
};

// usage, naming the parameter, its value and its limit.
Result<void> check_sampling(const SamplingParams& params);

// Belongs to one sequence and one thread.
class Sampler {
 public:
  // banned: ids that are never drawn. The parameters have passed check_sampling.
  Sampler(const SamplingParams& params, std::span<const int32_t> banned = {});

  // Tells it a token of the sequence, of the prompt or drawn, in order.
  void accept(int32_t token);
  // logits (V). bad_format when one is not a number: the model is damaged.
  Result<int32_t> sample(std::span<const float> logits);
  const SamplingParams& params() const { return params_; }

 private:
  struct Candidate {
    float logit;
    int32_t id;
    // The likelier first, then the lower id: a total order, so sorting has one result.
    bool operator<(const Candidate& other) const {
      return logit != other.logit ? logit > other.logit : id < other.id;
    }
  };
  void collect(size_t k);
  void penalize(std::span<const float> logits);
  size_t sort_nucleus();
  int32_t draw(size_t n);

  SamplingParams params_;
  Rng rng_;
  std::vector<int32_t> banned_;
  std::vector<int32_t> recent_;  // the last repeat_last_n tokens, a ring once full
  size_t next_recent_ = 0;
  // Working memory, kept so that a step allocates nothing.
  std::vector<float> penalized_;
  std::vector<Candidate> candidates_;
  std::vector<int32_t> distinct_;
};

}  // namespace quire
