// penalties: recent tokens become less likely,
//   logit = (logit <= 0 ? logit * repeat : logit / repeat) - n * frequency - presence
// for a token that stands n > 0 times among the last repeat_last_n.
// Repetition: Keskar et al. 2019, arXiv:1909.05858; the others as the OpenAI API defines them.
#include "engine/sampler_stage.h"
#include "text/flat_map.h"

namespace quire {
namespace {

class Penalties : public SamplerStage {
 public:
  explicit Penalties(const SamplingParams& params)
      : repeat_(params.repeat_penalty),
        frequency_(params.frequency_penalty),
        presence_(params.presence_penalty),
        last_n_(params.repeat_last_n) {}

  void accept(int32_t token) override {
    if (last_n_ > 0 && recent_.size() == static_cast<size_t>(last_n_)) {
      --counts_.find(key(recent_[oldest_]))->n;
      recent_[oldest_] = token;
      oldest_ = (oldest_ + 1) % recent_.size();
    } else {
      recent_.push_back(token);
    }
    Count& count = counts_.get_or_insert(key(token), {});
    if (!count.listed) distinct_.push_back(token);
    count.listed = true;
    ++count.n;
  }

  void apply(Candidates& candidates, Rng&) override {
    size_t n_kept = 0;
    for (const int32_t token : distinct_) {
      Count& count = *counts_.find(key(token));
      count.listed = count.n > 0;  // else it has left the window
      if (!count.listed) continue;
      distinct_[n_kept++] = token;
      candidates.change(token, [&](float logit) {
        const float scaled = logit <= 0 ? logit * repeat_ : logit / repeat_;
        return scaled - static_cast<float>(count.n) * frequency_ - presence_;
      });
    }
    distinct_.resize(n_kept);
  }
  bool truncates() const override { return false; }

 private:
  static uint64_t key(int32_t token) { return static_cast<uint32_t>(token); }

  float repeat_, frequency_, presence_;
  int32_t last_n_;
  std::vector<int32_t> recent_;  // a ring once full
  size_t oldest_ = 0;
  struct Count {
    int32_t n = 0;  // times in the window
    bool listed = false;
  };
  FlatMap<Count> counts_;
  std::vector<int32_t> distinct_;  // those with listed
};

}  // namespace

std::unique_ptr<SamplerStage> make_penalties(const SamplingParams& params, const Tokenizer*) {
  const bool idle =
      params.repeat_penalty == 1 && params.frequency_penalty == 0 && params.presence_penalty == 0;
  if (idle || params.repeat_last_n == 0) return nullptr;
  return std::make_unique<Penalties>(params);
}

}  // namespace quire
