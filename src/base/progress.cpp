#include "base/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace quire {

Progress::Progress(std::string label, uint64_t total, Show show)
    : label_(std::move(label)),
      total_(std::max<uint64_t>(total, 1)),
      quiet_(show == Show::quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      drawn_(start_ - std::chrono::hours(1)) {}

Progress::~Progress() {
  if (!finished_ && seen_ && !quiet_ && terminal_) std::fputc('\n', stderr);
}

double Progress::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::update(uint64_t done, std::string_view detail) {
  if (!seen_) first_ = done;
  seen_ = true;
  done_ = done;
  const auto now = Clock::now();
  if (quiet_ || now - drawn_ <
                    (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000)))
    return;
  drawn_ = now;
  draw(detail);
}

void Progress::finish(std::string_view detail) {
  if (finished_) return;
  finished_ = true;
  if (quiet_) return;
  draw(detail);
  if (terminal_) std::fputc('\n', stderr);
}

void Progress::draw(std::string_view detail) {
  constexpr int width = 24;
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const int filled = static_cast<int>(share * width);
  std::string bar(static_cast<size_t>(width), '.');
  std::fill_n(bar.begin(), filled, '#');
  std::string eta;
  if (done_ > first_ && done_ < total_) {
    const double rate = static_cast<double>(done_ - first_) / elapsed_s();
    eta = ", " + format_duration(static_cast<double>(total_ - done_) / rate) + " left";
  }
  const std::string line = fmt::format("{} [{}] {:3.0f} %{}{}{}", label_, bar, 100 * share,
                                       detail.empty() ? "" : "  ", detail, eta);
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\x1b[K" : "\n");
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  const auto s = std::lround(std::max(0.0, seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string format_bytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  // 1023.96 would be printed as 1024.0, so it already belongs to the next unit.
  while (bytes >= (unit == 0 ? 1023.5 : 1023.95) && unit < 4) bytes /= 1024, ++unit;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string format_count(double count) {
  const char* units[] = {"", "k", "M", "G", "T"};
  int unit = 0;
  while (count >= (unit == 0 ? 999.5 : 999.95) && unit < 4) count /= 1000, ++unit;
  return unit == 0 ? fmt::format("{:.0f}", count) : fmt::format("{:.1f}{}", count, units[unit]);
}

}  // namespace quire
