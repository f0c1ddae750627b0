// min_p: tokens with at least this share of the likeliest one's probability, that is
//   logit >= largest + ln(min_p)
// Nguyen et al. 2024, arXiv:2407.01082.
#include "engine/sampler_stage.h"

#include <cmath>

namespace quire {
namespace {

class MinP : public SamplerStage {
 public:
  explicit MinP(float p) : log_p_(std::log(p)) {}
  void apply(Candidates& candidates, Rng&) override {
    candidates.keep_from(candidates.max() + log_p_);
  }

 private:
  float log_p_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_min_p(const SamplingParams& params, const Tokenizer*) {
  if (params.min_p <= 0) return nullptr;
  return std::make_unique<MinP>(params.min_p);
}

}  // namespace quire
