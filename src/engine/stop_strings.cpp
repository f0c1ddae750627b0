#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

namespace quire {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, std::string{});
}

std::string StopStrings::push(std::string_view text) {
  if (found_) return {};
  held_ += text;
  size_t begin = std::string::npos;  // of the earliest stop string
  for (const std::string& stop : strings_) {
    const size_t at = held_.find(stop);
    if (at >= begin) continue;
    begin = at;
    which_ = stop;
  }
  if (begin != std::string::npos) {
    found_ = true;
    return std::exchange(held_, {}).substr(0, begin);
  }
  // The longest end of the text that may be the start of a stop string stays.
  size_t n_kept = 0;
  for (const std::string& stop : strings_) {
    size_t n = std::min(stop.size() - 1, held_.size());
    while (n > n_kept && !held_.ends_with(std::string_view(stop).substr(0, n))) --n;
    n_kept = std::max(n_kept, n);
  }
  std::string shown = held_.substr(0, held_.size() - n_kept);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

}  // namespace quire
