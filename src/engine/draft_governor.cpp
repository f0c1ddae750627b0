#include "engine/draft_governor.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr int64_t n_plain_first = 3;   // plain steps before the first draft
constexpr double weight_of_new = 0.1;  // in moving averages
constexpr double lost_steps_max = 1.5;
constexpr double lost_share_max = 0.015;
constexpr double won_steps_max = 8;  // what was won long ago does not pay for losses without end

}  // namespace

const DraftGovernor::Plain& DraftGovernor::plain(int64_t n_sequences) const {
  return plain_[static_cast<size_t>(std::clamp<int64_t>(n_sequences, 1, n_kinds) - 1)];
}

int64_t DraftGovernor::n_allowed(int64_t n_sequences) const {
  const Plain& step = plain(n_sequences);
  if (step.n_steps < n_plain_first) return 0;
  const double left = lost_steps_max * step.seconds + lost_share_max * spent_s_ - lost_s_;
  // Nothing is known of the cost of a guess at first: at most that of a step.
  const double each = draft_cost_s_ < 0 ? step.seconds : std::max(draft_cost_s_, 1e-9);
  return static_cast<int64_t>(std::clamp(left / each, 0.0, 1e6));
}

void DraftGovernor::step_done(int64_t n_sequences, DraftCounts drafts, int64_t n_tokens,
                              double seconds) {
  spent_s_ += seconds;
  Plain& step = plain_[static_cast<size_t>(std::clamp<int64_t>(n_sequences, 1, n_kinds) - 1)];
  if (drafts.n_drafted == 0) {
    step.seconds = step.n_steps == 0 ? seconds : std::lerp(step.seconds, seconds, weight_of_new);
    ++step.n_steps;
    return;
  }
  if (step.n_steps == 0) return;
  const double as_plain =
      step.seconds * static_cast<double>(n_tokens) / static_cast<double>(n_sequences);
  lost_s_ = std::max(lost_s_ + seconds - as_plain, -won_steps_max * step.seconds);
  const double each = std::max(0.0, seconds - step.seconds) / static_cast<double>(drafts.n_drafted);
  draft_cost_s_ = draft_cost_s_ < 0 ? each : std::lerp(draft_cost_s_, each, 2 * weight_of_new);
}

}  // namespace quire
