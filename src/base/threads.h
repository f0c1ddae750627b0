// A pool of threads that stays: work is handed over in well under a microsecond while it comes
// steadily, and the threads sleep when it does not.
//
// The caller is thread 0 of every run. Inside a run the threads meet at barrier() and share loops
// through a WorkCounter. Waiting spins for a few microseconds, then parks in the kernel, so an idle
// pool costs nothing and an overloaded machine is not made worse. One run at a time; a pool belongs
// to one thread.
#pragma once
#include "base/function_ref.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace quire {

// Processors this process may use: the smallest of the affinity mask and the cgroup's CPU quota
// (rounded up), at least 1.
int usable_cpus();

// Hands out [0, n) in order to whoever asks: the remaining iterations of a shared loop.
class WorkCounter {
 public:
  void reset() { next_.store(0, std::memory_order_relaxed); }
  // The first of `grain` iterations to do; stop when it is >= n.
  int64_t take(int64_t grain = 1) { return next_.fetch_add(grain, std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<int64_t> next_{0};
};

class ThreadPool {
 public:
  // n_threads >= 1 in all, the caller included; 0 means usable_cpus().
  explicit ThreadPool(int n_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return n_threads_; }

  // Calls body(thread) once on every thread, thread in [0, size()), and returns when all are done.
  // body must not throw.
  void run(FunctionRef<void(int thread)> body);
  // All threads of the current run wait here for each other.
  void barrier();
  // body(i) for every i in [0, n), `grain` at a time, on all threads. Not inside a run.
  void for_each(int64_t n, int64_t grain, FunctionRef<void(int64_t i, int thread)> body);

 private:
  void worker(int thread);

  int n_threads_;
  std::vector<std::thread> threads_;
  FunctionRef<void(int)>* body_ = nullptr;
  alignas(64) std::atomic<uint32_t> run_generation_{0};
  alignas(64) std::atomic<uint32_t> barrier_generation_{0};
  alignas(64) std::atomic<int> n_arrived_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace quire
