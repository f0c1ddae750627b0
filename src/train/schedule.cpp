#include "train/schedule.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

struct Name {
  ScheduleKind kind;
  const char* name;
};
constexpr Name names[] = {{ScheduleKind::cosine, "cosine"},
                          {ScheduleKind::wsd, "wsd"},
                          {ScheduleKind::constant, "constant"}};

}  // namespace

const char* schedule_name(ScheduleKind kind) {
  for (const Name& row : names)
    if (row.kind == kind) return row.name;
  return "";
}

Result<ScheduleKind> schedule_from_name(std::string_view name) {
  for (const Name& row : names)
    if (row.name == name) return row.kind;
  return fail(Fault::usage, "--schedule {}: known are cosine, wsd, constant", name);
}

double learning_rate(const Schedule& schedule, int64_t step) {
  if (step < schedule.n_warmup)
    return schedule.peak * static_cast<double>(step + 1) / static_cast<double>(schedule.n_warmup);
  const int64_t last = std::max<int64_t>(schedule.n_steps - 1, 1);
  const double at = static_cast<double>(std::min(step, last));
  const double span = schedule.peak - schedule.min;
  switch (schedule.kind) {
    case ScheduleKind::constant:
      return schedule.peak;
    case ScheduleKind::cosine: {
      const auto begin = static_cast<double>(schedule.n_warmup);
      const double length = std::max(static_cast<double>(last) - begin, 1.0);
      const double x = std::clamp((at - begin) / length, 0.0, 1.0);
      return schedule.min + span * 0.5 * (1 + std::cos(3.141592653589793 * x));
    }
    case ScheduleKind::wsd: {
      const double length = schedule.decay_share * static_cast<double>(schedule.n_steps);
      const double begin = static_cast<double>(last) - length;
      if (length < 1 || at <= begin) return schedule.peak;
      return schedule.min + span * (1 - std::sqrt((at - begin) / length));
    }
  }
  return schedule.peak;
}

}  // namespace quire
