// What this machine's processors reach in f32 multiply-adds: the yardstick beside which training
// shows its own rate.
#pragma once
#include "base/threads.h"

namespace quire {

// FLOP/s of all threads of the pool together, each multiplying matrices of its own that stay in its
// caches with this program's best kernel, for about `seconds`. The best of several rounds: other
// work on the machine makes a round slower, never faster.
double measured_flops(ThreadPool& pool, double seconds = 0.3);

}  // namespace quire
