// Candidates: the tokens that may still be drawn, with their logits.
//
// It begins with the whole vocabulary. Nearly all of it is never looked at: logits lie in blocks of
// 64 whose largest ones are known, so that what passes a threshold is found by looking at V / 64
// numbers. Once a sampler has left out most tokens the rest is a short list; where many remain they
// stay in their blocks. Nothing is sorted further than needed: large parts are cut by counting what
// falls into narrow ranges, and only the range at the border is put in order. Nothing is allocated
// once the vectors have grown.
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

  // One of them, by their probabilities, with exp(logit - the largest) of it and of all together.
  struct Drawn {
    int32_t id = 0;
    double weight = 0, total = 0;
  };
  Drawn draw(Rng& rng);

 private:
  static constexpr float never = -__builtin_inff();
  static constexpr size_t block = 64;

  bool stays_in_blocks(size_t n) const { return n > logits_.size() / 16; }
  void find_block_max(size_t b);
  void keep_first(size_t n);  // of the list as it stands
  void collect_from(float threshold);
  size_t count_from(float threshold) const;
  void collect_top(size_t k);
  void keep_many(size_t k);
  // Ranges of logits, each of 1 / 64, counted from the largest down.
  size_t find_range(float logit) const;
  void collect_range(size_t range);
  void keep_above(size_t range, size_t n_above);
  template <class Keep>
  void keep_in_blocks(const Keep& keep);
  double weigh_list(float largest);
  double weigh_blocks();
  Drawn draw_from_list(Rng& rng);
  Drawn draw_from_blocks(Rng& rng);

  int64_t n_vocab_ = 0;
  bool is_list_ = false;
  std::vector<float> logits_;  // (V), filled up to whole blocks with -infinity
  std::vector<float> block_max_;
  bool weighed_ = false;           // the weights below are those of the logits
  std::vector<float> weights_;     // (V)
  std::vector<double> block_sum_;  // of weights
  std::vector<uint32_t> counts_;   // of logits in a range
  std::vector<double> sums_;       // of weights in a range
  float largest_ = 0;              // what ranges are counted from
  std::vector<Candidate> list_;
};

}  // namespace quire
