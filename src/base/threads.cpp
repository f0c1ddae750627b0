#include "base/threads.h"

#include "base/check.h"
#include "base/isa.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>

namespace quire {
namespace {

// A pause takes about 40 cycles on Zen and 140 on Skylake and later; 1000 of them are 10 to 40
// microseconds, longer than the gap between two kernels of a step and far shorter than a
// scheduler's time slice.
constexpr int spin_pauses = 1000;

void pause() {
#ifdef QUIRE_X86
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// Waits until `value` is no longer `old`.
void wait_change(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < spin_pauses; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
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

ThreadPool::ThreadPool(int n_threads) : n_threads_(n_threads > 0 ? n_threads : usable_cpus()) {
  for (int thread = 1; thread < n_threads_; ++thread)
    threads_.emplace_back([this, thread] { worker(thread); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  run_generation_.fetch_add(1, std::memory_order_release);
  run_generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(FunctionRef<void(int)> body) {
  if (n_threads_ == 1) {
    body(0);
    return;
  }
  body_ = &body;
  run_generation_.fetch_add(1, std::memory_order_release);
  run_generation_.notify_all();
  body(0);
  barrier();  // every worker has finished its part, so `body` may go out of scope
}

void ThreadPool::worker(int thread) {
  uint32_t seen = 0;
  while (true) {
    wait_change(run_generation_, seen);
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    (*body_)(thread);
    barrier();
  }
}

void ThreadPool::barrier() {
  if (n_threads_ == 1) return;
  const uint32_t generation = barrier_generation_.load(std::memory_order_relaxed);
  if (n_arrived_.fetch_add(1, std::memory_order_acq_rel) == n_threads_ - 1) {
    n_arrived_.store(0, std::memory_order_relaxed);
    barrier_generation_.store(generation + 1, std::memory_order_release);
    barrier_generation_.notify_all();
  } else {
    wait_change(barrier_generation_, generation);
  }
}

void ThreadPool::for_each(int64_t n, int64_t grain, FunctionRef<void(int64_t, int)> body) {
  CHECK(grain > 0);
  WorkCounter counter;
  run([&](int thread) {
    for (int64_t begin = counter.take(grain); begin < n; begin = counter.take(grain))
      for (int64_t i = begin; i < std::min(n, begin + grain); ++i) body(i, thread);
  });
}

}  // namespace quire
