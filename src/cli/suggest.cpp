#include "cli/suggest.h"

#include <algorithm>
#include <vector>

namespace quire {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view name, std::span<const std::string> names) {
  constexpr size_t name_length_max = 64;  // longer ones are no slip of the finger
  if (name.size() > name_length_max) return {};
  std::string best;
  size_t best_distance = name_length_max;
  for (const std::string& candidate : names) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) best_distance = distance, best = candidate;
  }
  return best_distance * 3 <= std::max(name.size(), best.size()) ? best : std::string{};
}

std::unexpected<Error> fail_unknown(const char* what, const std::string& name,
                                    std::span<const std::string> known,
                                    const std::string& way_out) {
  const std::string guess = nearest(name, known);
  if (guess.empty()) return fail(Fault::usage, "unknown {} '{}'; {}", what, name, way_out);
  return fail(Fault::usage, "unknown {} '{}', did you mean '{}'?", what, name, guess);
}

}  // namespace quire
