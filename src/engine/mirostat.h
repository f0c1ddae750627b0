// Mirostat: draws whose surprise, -log2 p, stays near a target. What passes is decided by a bound
// `mu` that is corrected after each draw:  mu -= eta (surprise - tau).
//   1  mu becomes a number of tokens k, by an estimate of the exponent of Zipf's law
//   2  tokens with a surprise of at most mu
// Basu et al. 2021, arXiv:2007.14966, algorithms 1 and 2.
#pragma once
#include "engine/candidates.h"
#include "engine/sampling_params.h"

namespace quire {

class Mirostat {
 public:
  explicit Mirostat(const SamplingParams& params)
      : version_(params.mirostat),
        tau_(static_cast<double>(params.mirostat_tau)),
        eta_(static_cast<double>(params.mirostat_eta)),
        mu_(2 * tau_) {}
  Candidates::Drawn draw(Candidates& candidates, Rng& rng);

 private:
  size_t wanted_k(Candidates& candidates) const;

  int32_t version_;
  double tau_, eta_, mu_;
};

}  // namespace quire
