// Logits as probabilities, for the commands that show them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class LogProbabilities {
 public:
  explicit LogProbabilities(std::span<const float> logits);
  double log_p(int32_t token) const;
  double p(int32_t token) const;
  double bits(int32_t token) const;   // -log2 p: how surprising the token is
  int64_t rank(int32_t token) const;  // 1 for the likeliest; equal ones by id
  std::vector<int32_t> top(size_t n) const;

 private:
  std::span<const float> logits_;
  double log_sum_ = 0;  // log sum exp of the logits
};

// A token as people can read it, in quotes: "\n" and bytes that are no text escaped.
std::string quoted(std::string_view piece);
// "█████▌": share 1 is width characters.
std::string bar(double share, int width);
// Columns the text takes on a terminal.
size_t display_width(std::string_view text);
// Spaces added up to a width.
std::string padded(std::string text, size_t width);

}  // namespace quire
