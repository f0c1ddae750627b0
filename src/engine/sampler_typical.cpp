// typ_p: the tokens whose information is nearest to the entropy,
//   | -ln p - H |,  H = -sum p ln p
// the fewest of them that have the probability p together. Meister et al. 2022, arXiv:2202.00666.
#include "engine/sampler_stage.h"

#include <cmath>

namespace quire {
namespace {

class Typical : public SamplerStage {
 public:
  explicit Typical(float p) : p_(static_cast<double>(p)) {}

  void apply(Candidates& candidates, Rng&) override {
    const double total = candidates.weigh();
    const double largest = candidates.max();
    // ln p = logit - largest - ln total
    const double log_total = largest + std::log(total);
    double entropy = 0;
    for (const Candidate& one : candidates.list())
      if (one.weight > 0)
        entropy -=
            static_cast<double>(one.weight) / total * (static_cast<double>(one.logit) - log_total);
    const auto distance = [&](const Candidate& one) {
      return std::fabs(log_total - static_cast<double>(one.logit) - entropy);
    };
    candidates.keep_share(p_, [&](const Candidate& a, const Candidate& b) {
      const double da = distance(a), db = distance(b);
      return da != db ? da < db : a < b;
    });
  }

 private:
  double p_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_typical(const SamplingParams& params, const Tokenizer*) {
  if (params.typical_p >= 1) return nullptr;
  return std::make_unique<Typical>(params.typical_p);
}

}  // namespace quire
