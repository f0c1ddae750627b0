// How many rows of prompts may share a step with sequences that generate, so that they hardly
// notice: the time of a step stays below `stretch_max` times that of a step without prompts. Where
// more sequences wait for their first token than generate, the step is as large as pays.
//
// Both times are measured as steps go by: that of a step in which answers grow alone, and what a
// row of a prompt adds. Belongs to one thread.
#pragma once
#include <algorithm>
#include <cstdint>

namespace quire {

class PromptPace {
 public:
  static constexpr double stretch_max = 2.5;
  // Weights are read once per step however many rows there are: fewer than 8 hardly make it
  // shorter.
  static constexpr int64_t n_rows_least = 8;
  static constexpr int64_t n_rows_tile = 16;  // of matrix products
  // Row by row, products with 64 are nearly half again as fast as with 16 (docs/log.md).
  static constexpr int64_t n_rows_efficient = 64;

  // Rows of prompts for a step in which n_answer rows generate and n_waiting sequences wait: whole
  // tiles, or quarters of one.
  int64_t n_prompt_rows(int64_t n_answer, int64_t n_waiting) const {
    if (alone_s_ == 0 || row_s_ == 0) return n_rows_efficient;
    const int64_t n_least = n_waiting > n_answer ? n_rows_efficient : n_rows_least;
    const double room_s = (stretch_max - 1) * alone_s_;
    const auto n = static_cast<int64_t>(room_s / row_s_) - n_answer;
    const int64_t unit = n < n_rows_tile ? n_rows_tile / 4 : n_rows_tile;
    return std::max(n / unit * unit, n_least);
  }

  void step_done(int64_t n_answer, int64_t n_prompt, double seconds) {
    if (n_answer > 0 && n_prompt == 0) learn(alone_s_, seconds);
    // A prompt alone fills its step: what its rows cost together.
    if (n_answer == 0 && n_prompt >= n_rows_least)
      learn(row_s_, seconds / static_cast<double>(n_prompt));
    if (n_answer > 0 && n_prompt >= n_rows_least && alone_s_ > 0)
      learn(row_s_, std::max(0.1 * seconds, seconds - alone_s_) / static_cast<double>(n_prompt));
  }

 private:
  static void learn(double& mean, double value) {
    mean = mean == 0 ? value : mean + 0.2 * (value - mean);
  }
  double alone_s_ = 0, row_s_ = 0;
};

}  // namespace quire
