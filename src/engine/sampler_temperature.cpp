// temperature: logits divided by it. With dynatemp_range r it lies between temperature - r and
// temperature + r, the higher the less sure the model is:
//   (H / ln n) ^ dynatemp_exponent  of the way,  H the entropy of the n candidates
// Dynamic temperature: kalomaze 2023, as in llama.cpp.
#include "engine/sampler_stage.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

// A temperature this low draws the likeliest token for any two logits that differ in f32.
constexpr double coldest = 1e-6;

class Temperature : public SamplerStage {
 public:
  explicit Temperature(const SamplingParams& params)
      : temperature_(static_cast<double>(params.temperature)),
        range_(static_cast<double>(params.dynatemp_range)),
        exponent_(static_cast<double>(params.dynatemp_exponent)) {}

  void apply(Candidates& candidates, Rng&) override {
    const double wanted = range_ > 0 ? by_entropy(candidates) : temperature_;
    if (wanted != 1) candidates.divide(static_cast<float>(std::max(wanted, coldest)));
  }
  bool truncates() const override { return false; }

 private:
  double by_entropy(Candidates& candidates) const {
    const double total = candidates.weigh();
    const size_t n = candidates.list().size();
    double entropy = 0;
    for (const Candidate& one : candidates.list()) {
      const double p = static_cast<double>(one.weight) / total;
      if (p > 0) entropy -= p * std::log(p);
    }
    const double share =
        n < 2 ? 0 : std::clamp(entropy / std::log(static_cast<double>(n)), 0.0, 1.0);
    const double low = std::max(0.0, temperature_ - range_), high = temperature_ + range_;
    return n < 2 ? temperature_ : low + (high - low) * std::pow(share, exponent_);
  }

  double temperature_, range_, exponent_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_temperature(const SamplingParams& params, const Tokenizer*) {
  return std::make_unique<Temperature>(params);
}

}  // namespace quire
