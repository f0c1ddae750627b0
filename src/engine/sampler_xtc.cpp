// xtc (exclude top choices): in a part of all draws, of the tokens that have at least the
// probability `threshold` only the least likely stays, so that the obvious is not said.
// Weidmann 2024, text-generation-webui pull request 6335.
#include "engine/sampler_stage.h"

#include <algorithm>

namespace quire {
namespace {

class Xtc : public SamplerStage {
 public:
  Xtc(float probability, float threshold)
      : probability_(static_cast<double>(probability)),
        threshold_(static_cast<double>(threshold)) {}

  void apply(Candidates& candidates, Rng& rng) override {
    if (rng.uniform() >= probability_) return;
    const double least = threshold_ * candidates.weigh();
    const auto likely = [&](const Candidate& one) {
      return static_cast<double>(one.weight) >= least;
    };
    const Candidate* last = nullptr;
    for (const Candidate& one : candidates.list())
      if (likely(one) && (last == nullptr || *last < one)) last = &one;
    if (last == nullptr) return;
    const Candidate kept = *last;
    candidates.remove_if([&](const Candidate& one) { return likely(one) && one < kept; });
  }

 private:
  double probability_, threshold_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_xtc(const SamplingParams& params, const Tokenizer*) {
  if (params.xtc_probability <= 0 || params.xtc_threshold > 0.5f) return nullptr;
  return std::make_unique<Xtc>(params.xtc_probability, params.xtc_threshold);
}

}  // namespace quire
