// Learning rate by step. After a linear warm-up to the peak,
//   cosine  min + (peak - min) (1 + cos(pi x)) / 2,  x the share of the rest that is done
//           (Loshchilov & Hutter 2017, arXiv:1608.03983)
//   wsd     stable at the peak, then min + (peak - min) (1 - sqrt(x)) over the last share of all
//           steps (warm-up-stable-decay; the shape of Hägele et al. 2024, arXiv:2405.18392)
//   constant
#pragma once
#include "base/result.h"

#include <cstdint>
#include <string_view>

namespace quire {

enum class ScheduleKind { cosine, wsd, constant };
const char* schedule_name(ScheduleKind kind);
Result<ScheduleKind> schedule_from_name(std::string_view name);  // usage when unknown

struct Schedule {
  ScheduleKind kind = ScheduleKind::cosine;
  double peak = 1e-3;
  double min = 1e-4;
  int64_t n_warmup = 0;
  int64_t n_steps = 1;       // of the whole run
  double decay_share = 0.2;  // wsd: the part of n_steps that decays
};

// The rate of step `step`, 0 the first one; past the last step it stays where it ended.
double learning_rate(const Schedule& schedule, int64_t step);

}  // namespace quire
