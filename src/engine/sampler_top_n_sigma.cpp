// top_n_sigma: tokens whose logit is within n standard deviations, of all logits, of the largest.
// Tang et al. 2024, arXiv:2411.07641.
#include "engine/sampler_stage.h"

namespace quire {
namespace {

class TopNSigma : public SamplerStage {
 public:
  explicit TopNSigma(float n) : n_(static_cast<double>(n)) {}
  void apply(Candidates& candidates, Rng&) override {
    const float largest = candidates.max();
    const double reach = n_ * candidates.moments().deviation;
    candidates.keep_from(static_cast<float>(static_cast<double>(largest) - reach));
  }

 private:
  double n_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_top_n_sigma(const SamplingParams& params, const Tokenizer*) {
  if (params.top_n_sigma <= 0) return nullptr;
  return std::make_unique<TopNSigma>(params.top_n_sigma);
}

}  // namespace quire
