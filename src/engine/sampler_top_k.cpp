// top_k: the k likeliest tokens. Fan et al. 2018, arXiv:1805.04833.
#include "engine/sampler_stage.h"

namespace quire {
namespace {

class TopK : public SamplerStage {
 public:
  explicit TopK(int32_t k) : k_(static_cast<size_t>(k)) {}
  void apply(Candidates& candidates, Rng&) override { candidates.keep_top(k_); }

 private:
  size_t k_;
};

}  // namespace

std::unique_ptr<SamplerStage> make_top_k(const SamplingParams& params, const Tokenizer*) {
  if (params.top_k == 0) return nullptr;
  return std::make_unique<TopK>(params.top_k);
}

}  // namespace quire
