#include "base/threads.h"

#include "base/check.h"
#include "base/isa.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>

namespace quire {
namespace {

using namespace std::chrono_literals;

// Longer than the gap between two stages of a run; a thread that sleeps takes about 50 us to come
// back.
constexpr auto spin_in_run = 50us;
// Longer than what the owner does between two runs that follow each other (drawing a token).
constexpr auto spin_between_runs = 50us;
// Between two looks at the clock lie 32 pauses, one or two microseconds. When it was more than
// this, the thread did not run in between: others need the processor.
constexpr auto lost_processor = 20us;

// A run that waited a quarter of its time, and at least this long, was a bad one ...
constexpr auto wait_that_counts = 200us;
// ... unless it computed longer than a few time slices of a scheduler.
constexpr auto longest_judged = 10ms;
// After a bad run the threads are left asleep; twice as long after the next.
constexpr auto alone_min = 4ms;
constexpr auto alone_max = 1s;

void pause() {
#ifdef QUIRE_X86
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Waits until `value` is no longer `old`; may return earlier.
void wait_change(const std::atomic<uint32_t>& value, uint32_t old,
                 std::chrono::steady_clock::duration spin) {
  const auto start = std::chrono::steady_clock::now();
  for (auto last = start;;) {
    for (int i = 0; i < 32; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause();
    }
    const auto now = std::chrono::steady_clock::now();
    if (now - start > spin || now - last > lost_processor) break;
    last = now;
  }
  value.wait(old, std::memory_order_acquire);
}

// Processors granted by the cgroup's quota, or `otherwise` when there is none. Reads cgroup v2,
// then v1.
int cgroup_cpus(int otherwise) {
  double quota = -1, period = -1;
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(file, "%lf %lf", &quota, &period) != 2)
      quota = -1;  // "max 100000" has no number first
    std::fclose(file);
  } else if (std::FILE* quota_file = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) {
    if (std::fscanf(quota_file, "%lf", &quota) != 1) quota = -1;
    std::fclose(quota_file);
    if (std::FILE* period_file = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r")) {
      if (std::fscanf(period_file, "%lf", &period) != 1) period = -1;
      std::fclose(period_file);
    }
  }
  if (quota <= 0 || period <= 0) return otherwise;
  return std::max(1, static_cast<int>(quota / period + 0.999));
}

}  // namespace

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int n = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
  n = std::max(n, 1);
  return std::min(n, cgroup_cpus(n));
}

ThreadPool::ThreadPool(int n_threads)
    : n_threads_(n_threads > 0 ? n_threads : usable_cpus()), alone_for_(alone_min) {
  for (int thread = 1; thread < n_threads_; ++thread)
    threads_.emplace_back([this, thread] { helper(thread); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  announce();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::announce() {
  progress_.fetch_add(1, std::memory_order_release);
  progress_.notify_all();
}

void ThreadPool::run(std::span<const int64_t> n_units, Body body, Help help) {
  const bool alone = n_threads_ == 1 || help == Help::none;
  const Clock::time_point start = alone ? Clock::time_point() : Clock::now();
  if (alone || start < alone_until_) {
    for (size_t stage = 0; stage < n_units.size(); ++stage)
      for (int64_t unit = 0; unit < n_units[stage]; ++unit)
        body(static_cast<int64_t>(stage), unit, 0);
    return;
  }
  Clock::duration waited{};
  run_together(n_units, body, &waited);
  judge(start, waited);
}

void ThreadPool::run_together(std::span<const int64_t> n_units, Body body,
                              Clock::duration* waited) {
  if (stages_.empty() || stages_.back().n < n_units.size()) {
    const size_t n = 2 * n_units.size();
    stages_.push_back({std::make_unique<Stage[]>(n), n});
    current_stages_.store(stages_.back().all.get(), std::memory_order_relaxed);
  }
  Stage* stages = stages_.back().all.get();
  body_ = &body;
  ++n_runs_;
  for (size_t i = 0; i < n_units.size(); ++i) {
    CHECK(n_units[i] >= 0 && n_units[i] < (int64_t{1} << 31));
    const auto n = static_cast<uint32_t>(n_units[i]);
    stages[i].n_units.store(n, std::memory_order_relaxed);
    stages[i].n_done.store(0, std::memory_order_relaxed);
    stages[i].left.store(uint64_t{n_runs_} << 32 | n, std::memory_order_release);
  }
  const uint64_t run = uint64_t{n_runs_} << 32 | n_units.size();
  run_.store(run, std::memory_order_release);
  announce();
  work(run, stages, 0, waited);
}

// One unit for each thread; none ends before all have begun, so no thread takes two.
void ThreadPool::run_on_each(FunctionRef<void(int)> body) {
  if (n_threads_ == 1) return body(0);
  std::atomic<uint32_t> n_begun{0};
  const int64_t n_units = n_threads_;
  Clock::duration waited{};
  run_together(
      std::span(&n_units, 1),
      [&](int64_t, int64_t, int thread) {
        n_begun.fetch_add(1, std::memory_order_acq_rel);
        n_begun.notify_all();
        for (uint32_t n = n_begun.load(); n < static_cast<uint32_t>(n_threads_); n = n_begun.load())
          wait_change(n_begun, n, spin_in_run);
        body(thread);
      },
      &waited);
}

// Takes a unit, if the stage is of this run and has one.
bool ThreadPool::take(Stage& stage, uint32_t run, int64_t* unit) const {
  uint64_t left = stage.left.load(std::memory_order_acquire);
  do {
    if (left >> 32 != run || static_cast<uint32_t>(left) == 0) return false;
  } while (!stage.left.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel,
                                             std::memory_order_acquire));
  // The run cannot end before this unit is done, so everything about it holds still.
  *unit = int64_t{stage.n_units.load(std::memory_order_relaxed)} - static_cast<uint32_t>(left);
  return true;
}

void ThreadPool::work(uint64_t run, Stage* stages, int thread, Clock::duration* waited) {
  const auto n_stages = static_cast<uint32_t>(run);
  for (uint32_t s = 0; s < n_stages; ++s) {
    Stage& stage = stages[s];
    int64_t unit;
    while (take(stage, static_cast<uint32_t>(run >> 32), &unit)) {
      (*body_)(s, unit, thread);
      const uint32_t n = stage.n_units.load(std::memory_order_relaxed);
      if (stage.n_done.fetch_add(1, std::memory_order_acq_rel) + 1 == n) announce();
    }
    wait_done(stage, run, waited);
    if (thread != 0 && run_.load(std::memory_order_relaxed) != run) return;
  }
}

// Returns when all units of the stage are done; for a helper, also when the run is over.
void ThreadPool::wait_done(Stage& stage, uint64_t run, Clock::duration* waited) {
  const auto is_over = [&] {
    return stage.n_done.load(std::memory_order_acquire) >=
               stage.n_units.load(std::memory_order_relaxed) ||
           run_.load(std::memory_order_relaxed) != run;
  };
  while (!is_over()) {
    const uint32_t seen = progress_.load(std::memory_order_acquire);
    if (is_over()) return;
    const Clock::time_point start = Clock::now();
    wait_change(progress_, seen, spin_in_run);
    *waited += Clock::now() - start;
  }
}

void ThreadPool::helper(int thread) {
  uint64_t last_run = 0;
  while (true) {
    const uint32_t seen = progress_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    const uint64_t run = run_.load(std::memory_order_acquire);
    if (run == last_run) {
      wait_change(progress_, seen, spin_between_runs);
      continue;
    }
    last_run = run;
    Clock::duration waited{};
    work(run, current_stages_.load(std::memory_order_relaxed), thread, &waited);
  }
}

// A run that mostly waited would have been faster alone. Long ones are not judged: there a thread
// that was put aside costs little of the whole.
void ThreadPool::judge(Clock::time_point start, Clock::duration waited) {
  if (waited < wait_that_counts) return;
  const Clock::time_point now = Clock::now();
  const Clock::duration all = now - start;
  if (all - waited > longest_judged || 4 * waited < all) return;
  const bool long_ago = now - last_bad_run_ > 4 * alone_for_;
  alone_for_ = long_ago ? alone_min : std::min<Clock::duration>(2 * alone_for_, alone_max);
  last_bad_run_ = now;
  alone_until_ = now + alone_for_;
}

void ThreadPool::for_each(int64_t n, int64_t grain, FunctionRef<void(int64_t, int)> body) {
  CHECK(grain > 0);
  const int64_t n_units = (n + grain - 1) / grain;
  run(std::span(&n_units, 1), [&](int64_t, int64_t unit, int thread) {
    for (int64_t i = unit * grain; i < std::min(n, (unit + 1) * grain); ++i) body(i, thread);
  });
}

}  // namespace quire
