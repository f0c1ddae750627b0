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

double DraftGovernor::cost_s(int64_t n_sequences) const {
  return draft_cost_s_ < 0 ? guess_cost_ * plain(n_sequences).seconds
                           : std::max(draft_cost_s_, 1e-9);
}

int64_t DraftGovernor::n_allowed(int64_t n_sequences) const {
  const Plain& step = plain(n_sequences);
  if (step.n_steps < n_plain_first) return 0;
  const double left = lost_steps_max * step.seconds + lost_share_max * spent_s_ - lost_s_;
  return static_cast<int64_t>(std::clamp(left / cost_s(n_sequences), 0.0, 1e6));
}

bool DraftGovernor::can_read(int64_t n_sequences, int64_t n) {
  const double seconds = static_cast<double>(n) * cost_s(n_sequences);
  const bool can = plain(n_sequences).n_steps >= n_plain_first && -lost_s_ >= seconds;
  to_read_s_ = can ? 0 : std::max(to_read_s_, seconds);
  return can;
}

void DraftGovernor::step_done(int64_t n_sequences, DraftCounts drafts, int64_t n_tokens,
                              double seconds) {
  spent_s_ += seconds;
  Plain& step = plain_[static_cast<size_t>(std::clamp<int64_t>(n_sequences, 1, n_kinds) - 1)];
  if (drafts.n_drafted == 0) {
    const double plain_s = std::max(0.0, seconds - drafts.drafting_s);
    step.seconds = step.n_steps == 0 ? plain_s : std::lerp(step.seconds, plain_s, weight_of_new);
    ++step.n_steps;
  }
  if (step.n_steps == 0) return;
  const double as_plain =
      step.seconds * static_cast<double>(n_tokens) / static_cast<double>(n_sequences);
  const int64_t n_units_done = drafts.n_drafted + drafts.n_read;
  if (drafts.n_drafted > 0)
    lost_s_ += seconds - as_plain;
  else
    lost_s_ += drafts.drafting_s;
  lost_s_ = std::max(lost_s_, -won_steps_max * step.seconds - to_read_s_);
  if (drafts.n_drafted == 0 && drafts.drafting_s == 0) return;
  const double more_s = drafts.n_drafted > 0 ? seconds - step.seconds : drafts.drafting_s;
  const double each =
      std::max(0.0, more_s) / static_cast<double>(std::max<int64_t>(1, n_units_done));
  draft_cost_s_ = draft_cost_s_ < 0 ? each : std::lerp(draft_cost_s_, each, 2 * weight_of_new);
}

}  // namespace quire
