// A one-line progress display on standard error: redrawn in place on a terminal, a plain line now
// and then elsewhere.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

class Progress {
 public:
  // total: the value of `done` at the end. label: a word or two in front. Nothing is shown when
  // quiet.
  enum class Show { automatic, quiet };
  Progress(std::string label, uint64_t total, Show show = Show::automatic);
  ~Progress();
  // Redraws at most ten times a second on a terminal, every ten seconds elsewhere. `detail` follows
  // the bar.
  void update(uint64_t done, std::string_view detail = {});
  // Draws the last state and ends the line.
  void finish(std::string_view detail = {});
  double elapsed_s() const;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::string_view detail);
  std::string label_;
  uint64_t total_, done_ = 0;
  uint64_t first_ = 0;  // `done` at the first update: what a resumed job had already
  bool seen_ = false, quiet_, terminal_, finished_ = false;
  Clock::time_point start_, drawn_;
};

// 3725 -> "1:02:05", 65 -> "1:05"
std::string format_duration(double seconds);
// 1536 -> "1.5 KiB"
std::string format_bytes(double bytes);
// 12345678 -> "12.3M"
std::string format_count(double count);

}  // namespace quire
