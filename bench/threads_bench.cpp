// What it costs to hand work to the pool and to go from one stage of a run to the next: paid by
// every node of a step.
#include "base/threads.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace quire {
namespace {

void hand_over_work(benchmark::State& state) {
  const int64_t n_units = state.range(0);
  ThreadPool pool(static_cast<int>(n_units));
  for (auto _ : state)
    pool.run(std::span(&n_units, 1),
             [](int64_t, int64_t unit, int) { benchmark::DoNotOptimize(unit); });
}
BENCHMARK(hand_over_work)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

void go_through_stages(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const std::vector<int64_t> n_units(1000, state.range(0));
  for (auto _ : state)
    pool.run(n_units, [](int64_t, int64_t unit, int) { benchmark::DoNotOptimize(unit); });
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(go_through_stages)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

}  // namespace
}  // namespace quire
