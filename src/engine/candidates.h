// Candidates: the tokens that may still be drawn, with their logits.
//
// It begins with the whole vocabulary. Nearly all of it is never looked at: logits lie in blocks of
// 64 whose largest ones are known, so that what passes a threshold is found by looking at V / 64
// numbers. Once a sampler has left out most tokens the rest is a short list. Nothing is sorted
// further than needed, and nothing is allocated once the vectors have grown.
//
// A logit of -infinity is no candidate. Of equal logits the lower id is the likelier.
#pragma once
#include "base/function_ref.h"
#include "base/rng.h"
#include "engine/constraint.h"

#include <cstdint>
#include <span>
#include <vector>

namespace quire {

struct Candidate {
  float logit = 0;
  float weight = 0;  // exp(logit - the largest); after Candidates::weigh()
  int32_t id = 0;
  // The likelier first, then the lower id: a total order.
  bool operator<(const Candidate& other) const {
    return logit != other.logit ? logit > other.logit : id < other.id;
  }
};

class Candidates {
 public:
  // Starts over with the whole vocabulary, logits (V). False when one is NaN or +infinity.
  bool reset(std::span<const float> logits);

  // Changes of single logits; ids outside the vocabulary or left out already are ignored.
  void change(int32_t id, FunctionRef<float(float logit)> to);
  void keep_only(TokenSet allowed);
  void divide(float by);  // all logits, by > 0

  bool empty() const { return max() == never; }
  float max() const;
  int32_t likeliest() const;  // not when empty
  int64_t n_vocab() const { return n_vocab_; }
  // The mean and the standard deviation of all logits.
  struct Moments {
    double mean = 0, deviation = 0;
  };
  Moments moments() const;
  // sum exp(logit - the largest)
  double total();

  // The n likeliest in order, and nothing is left out; valid until the next call.
  std::span<const Candidate> first(size_t n);
  void keep_top(size_t k);
  void keep_from(float threshold);  // logits at least this
  // The fewest of the likeliest, or of the first in another order, whose probability is at least
  // `share` of the whole.
  void keep_share(double share);
  void keep_share(double share, FunctionRef<bool(const Candidate& a, const Candidate& b)> before);

  // As a list, in no order; the sum of its weights.
  std::span<Candidate> list();
  double weigh();
  void remove_if(FunctionRef<bool(const Candidate& candidate)> gone);

  // One of them, by their probabilities.
  int32_t draw(Rng& rng);

 private:
  static constexpr float never = -__builtin_inff();
  static constexpr size_t block = 64;

  void find_block_max(size_t b);
  void keep_first(size_t n);  // of the list as it stands
  void collect_from(float threshold);
  void collect_top(size_t k);
  double weigh_list(float largest);
  double block_weights(size_t b, float largest, float* weights) const;
  double total_weight(float largest);
  int32_t draw_from_all(Rng& rng);

  int64_t n_vocab_ = 0;
  bool is_list_ = false;
  std::vector<float> logits_;  // (V), filled up to whole blocks with -infinity
  std::vector<float> block_max_;
  std::vector<double> block_sum_;  // of weights
  std::vector<Candidate> list_;
};

}  // namespace quire
