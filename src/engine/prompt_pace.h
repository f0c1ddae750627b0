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
  // Matrix products take up to so many rows together, and so many at a time up to twice as many: a
  // row that begins another eight costs as much as all of them.
  static constexpr int64_t n_rows_together = 8;
  // Row by row, products with 64 are nearly half again as fast as with 16 (docs/log.md).
  static constexpr int64_t n_rows_efficient = 64;
  // Time says little about rows when there were fewer.
  static constexpr int64_t n_rows_measured = 4;

  // Rows of prompts for a step in which n_answer rows generate and n_waiting sequences wait: as
  // many as make a multiple of 8 with those, and one such in any case that is no mere handful.
  int64_t n_prompt_rows(int64_t n_answer, int64_t n_waiting) const {
    int64_t n = n_rows_efficient;
    if (alone_s_ > 0 && row_s_ > 0) {
      const auto n_room = static_cast<int64_t>((stretch_max - 1) * alone_s_ / row_s_);
      n = n_waiting > n_answer ? std::max(n_room, n) : n_room;
    }
    const int64_t n_to_fill = n_rows_together - n_answer % n_rows_together;
    const int64_t n_least = n_to_fill < n_rows_measured ? n_to_fill + n_rows_together : n_to_fill;
    return std::max((n_answer + n) / n_rows_together * n_rows_together - n_answer, n_least);
  }

  void step_done(int64_t n_answer, int64_t n_prompt, double seconds) {
    if (n_answer > 0 && n_prompt == 0) learn(alone_s_, seconds);
    if (n_prompt < n_rows_measured) return;
    // A prompt alone fills its step: what its rows cost together. Beside answers they cost what
    // they add.
    if (n_answer == 0) learn(row_s_, seconds / static_cast<double>(n_prompt));
    if (n_answer > 0 && alone_s_ > 0)
      learn(row_s_, std::max(0.1 * seconds, seconds - alone_s_) / static_cast<double>(n_prompt));
  }

 private:
  static void learn(double& mean, double value) {
    mean = mean == 0 ? value : mean + 0.2 * (value - mean);
  }
  double alone_s_ = 0, row_s_ = 0;
};

}  // namespace quire
