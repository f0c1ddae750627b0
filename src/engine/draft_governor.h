// Decides how many guesses a step may check, so that drafts never make generation slower by more
// than a small share, whatever the model, the machine and the text.
//
// It keeps account of time. A step without drafts says what a token costs; a step with drafts has
// then won or lost
//   seconds - (tokens per sequence) * (seconds of a plain step with as many sequences)
// where time for guesses that were not worth checking counts, too. Drafts are allowed as long as
// what has been lost, and would be lost if all of the next ones were wrong, stays below 1.5 plain
// steps and 1.5 % of all time so far.
//
// A model that drafts has to read the text first. That may take longer than all it can win, so it
// begins with the last tokens (n_looked_at_first) and reads the whole text out of what it has won.
// Eight tokens read count as one guess: products take so many rows together.
#pragma once
#include <array>
#include <cstdint>

namespace quire {

struct DraftCounts {
  int64_t n_drafted = 0, n_accepted = 0;
  int64_t n_read = 0;     // units of reading, see n_units()
  double drafting_s = 0;  // of the step's time
};

class DraftGovernor {
 public:
  static constexpr int64_t n_looked_at_first = 16;
  // What reading n tokens counts as, in guesses.
  static int64_t n_units(int64_t n_unread) { return (n_unread + 7) / 8; }

  // guess_cost: of a guess, in plain steps, until it was measured.
  explicit DraftGovernor(double guess_cost = 1) : guess_cost_(guess_cost) {}

  // Guesses that the next step of n_sequences may check in all; 0 when it must have none.
  int64_t n_allowed(int64_t n_sequences) const;
  // Whether reading n units costs no more than was won. What has been won is kept for it until
  // then.
  bool can_read(int64_t n_sequences, int64_t n);
  // What a step of generating sequences took. n_tokens: drawn in it.
  void step_done(int64_t n_sequences, DraftCounts drafts, int64_t n_tokens, double seconds);

 private:
  static constexpr int64_t n_kinds = 64;  // steps of more sequences count as this many
  struct Plain {
    double seconds = 0;  // a moving average
    int64_t n_steps = 0;
  };
  const Plain& plain(int64_t n_sequences) const;
  double cost_s(int64_t n_sequences) const;  // of a guess

  std::array<Plain, n_kinds> plain_{};  // by the number of sequences
  double spent_s_ = 0;
  double lost_s_ = 0;         // below 0: won
  double to_read_s_ = 0;      // what is to be kept of it for reading
  double draft_cost_s_ = -1;  // of one guess, in time of a step; below 0: not known
  double guess_cost_;
};

}  // namespace quire
