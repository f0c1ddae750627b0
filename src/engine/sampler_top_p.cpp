// top_p: the fewest of the likeliest tokens that have the probability p together, at least one.
// Holtzman et al. 2019, arXiv:1904.09751.
#include "engine/sampler_stage.h"

namespace quire {
namespace {

class TopP : public SamplerStage {
 public:
  explicit TopP(float p) : p_(static_cast<double>(p)) {}
  void apply(Candidates& candidates, Rng&) override { candidates.keep_share(p_); }

 private:
  double p_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_top_p(const SamplingParams& params, const Tokenizer*) {
  if (params.top_p >= 1) return nullptr;
  return std::make_unique<TopP>(params.top_p);
}

}  // namespace quire
