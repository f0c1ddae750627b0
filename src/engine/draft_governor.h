// Decides how many guesses a step may check, so that drafts never make generation slower by more
// than a small share, whatever the model, the machine and the text.
//
// It keeps account of time. A step without drafts says what a token costs; a step with drafts has
// then won or lost
//   seconds - (tokens per sequence) * (seconds of a plain step with as many sequences)
// Drafts are allowed as long as what has been lost, and would be lost if all of the next ones were
// wrong, stays below 1.5 plain steps and 1.5 % of all time so far.
#pragma once
#include <array>
#include <cstdint>

namespace quire {

struct DraftCounts {
  int64_t n_drafted = 0, n_accepted = 0;
};

class DraftGovernor {
 public:
  // Guesses that the next step of n_sequences may check in all; 0 when it must have none.
  int64_t n_allowed(int64_t n_sequences) const;
  // What a step of generating sequences took. n_tokens: drawn in it.
  void step_done(int64_t n_sequences, DraftCounts drafts, int64_t n_tokens, double seconds);

 private:
  static constexpr int64_t n_kinds = 64;  // steps of more sequences count as this many
  struct Plain {
    double seconds = 0;  // a moving average
    int64_t n_steps = 0;
  };
  const Plain& plain(int64_t n_sequences) const;

  std::array<Plain, n_kinds> plain_{};  // by the number of sequences
  double spent_s_ = 0;
  double lost_s_ = 0;         // below 0: won
  double draft_cost_s_ = -1;  // of one guess, in time of a step; below 0: not known
};

}  // namespace quire
