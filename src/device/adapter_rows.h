// What adapters do to rows [begin, end) of a step, each row with the strengths that the batch gives
// it (graph/adapters.h).
#pragma once
#include "device/step.h"

namespace quire {

void run_adapter_scale(const StepContext& c, const Node& node, int64_t begin, int64_t end);
void run_steer(const StepContext& c, const Node& node, int64_t begin, int64_t end);

}  // namespace quire
