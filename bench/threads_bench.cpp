// What it costs to hand work to the pool and to meet at a barrier: paid by every node of a step.
#include "base/threads.h"

#include <benchmark/benchmark.h>

namespace quire {
namespace {

void hand_over_work(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  for (auto _ : state) pool.run([](int thread) { benchmark::DoNotOptimize(thread); });
}
BENCHMARK(hand_over_work)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

void meet_at_barrier(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  constexpr int n_barriers = 1000;
  for (auto _ : state)
    pool.run([&](int) {
      for (int i = 0; i < n_barriers; ++i) pool.barrier();
    });
  state.SetItemsProcessed(state.iterations() * n_barriers);
}
BENCHMARK(meet_at_barrier)->ArgName("threads")->Arg(2)->Arg(4)->UseRealTime();

}  // namespace
}  // namespace quire
