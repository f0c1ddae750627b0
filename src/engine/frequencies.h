// Logits as the integer frequencies that a range coder needs: the same integers for the same logits
// on every machine and with every compiler, and at least 1 for every token, so that any text can be
// coded.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace quire {

// A token's interval [start, start + size) of [0, total).
struct Interval {
  int32_t token;
  uint64_t start, size;
};

class TokenFrequencies {
 public:
  // size of token v = 1 + floor(softmax(logits)[v] * (2^32 - V - 2^20)). A logit that is not a
  // finite number counts as impossible.
  void set(std::span<const float> logits);
  // Of all sizes, at most 2^32.
  uint64_t total() const { return total_; }
  Interval of(int32_t token) const;
  // The token whose interval holds `value`, which is below total().
  Interval at(uint64_t value) const;

 private:
  std::vector<uint32_t> sizes_;  // (V)
  std::vector<double> weights_;  // (V)
  uint64_t total_ = 0;
};

}  // namespace quire
