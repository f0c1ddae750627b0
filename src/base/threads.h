// A pool of threads that stays and helps its owner: work is handed over in well under a microsecond
// while it comes steadily, and the threads sleep when it does not.
//
// A run is a list of stages, each a number of units that may run at the same time; a stage begins
// when all units of the one before it are done. Whoever is running takes the next unit: the owner
// of the pool is thread 0 and would do everything alone if nobody else came. So it never waits for
// a thread that has not begun, only for units that another thread is in the middle of. On a machine
// that has more to run than processors a thread may be put aside just there; the pool notices how
// much of a short run was spent waiting and leaves its threads asleep for a while, up to a second.
//
// Waiting spins for some microseconds, stops as soon as the spinning thread itself lost its
// processor, and then sleeps in the kernel. One run at a time; a pool belongs to one thread.
#pragma once
#include "base/function_ref.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace quire {

// Processors this process may use: the smallest of the affinity mask and the cgroup's CPU quota
// (rounded up), at least 1.
int usable_cpus();

// Whether a run is worth waking threads for: below about 100 microseconds of work it is not.
enum class Help : uint8_t { none, wanted };

class ThreadPool {
 public:
  // n_threads >= 1 in all, the caller included; 0 means usable_cpus().
  explicit ThreadPool(int n_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return n_threads_; }

  // body(stage, unit, thread) for every unit in [0, n_units[stage]) of every stage in order, thread
  // in [0, size()). What one stage wrote is visible to the next, and all of it when run() returns.
  // At most 2^31 units a stage. body must not throw.
  using Body = FunctionRef<void(int64_t stage, int64_t unit, int thread)>;
  void run(std::span<const int64_t> n_units, Body body, Help help = Help::wanted);
  // body(thread) once on every thread, all at the same time; waits for those that are put aside.
  void run_on_each(FunctionRef<void(int thread)> body);
  // body(i) for every i in [0, n), `grain` at a time, on all threads. Not inside a run.
  void for_each(int64_t n, int64_t grain, FunctionRef<void(int64_t i, int thread)> body);

 private:
  using Clock = std::chrono::steady_clock;

  // A stage's units. `left` is the number of the run in its upper half and the units that nobody
  // has taken in the lower: a thread that slept through the end of a run takes nothing of the next.
  struct Stage {
    alignas(64) std::atomic<uint64_t> left{0};
    std::atomic<uint32_t> n_units{0};
    alignas(64) std::atomic<uint32_t> n_done{0};
  };
  struct Stages {
    std::unique_ptr<Stage[]> all;
    size_t n = 0;
  };

  void helper(int thread);
  void work(uint64_t run, Stage* stages, int thread, Clock::duration* waited);
  bool take(Stage& stage, uint32_t run, int64_t* unit) const;
  void wait_done(Stage& stage, uint64_t run, Clock::duration* waited);
  void announce();
  void run_together(std::span<const int64_t> n_units, Body body, Clock::duration* waited);
  void judge(Clock::time_point start, Clock::duration waited);

  int n_threads_;
  std::vector<std::thread> threads_;
  std::vector<Stages> stages_;  // the last ones are in use; helpers may still look at earlier ones
  Body* body_ = nullptr;
  uint32_t n_runs_ = 0;
  Clock::time_point alone_until_{}, last_bad_run_{};
  Clock::duration alone_for_;
  alignas(64) std::atomic<uint64_t> run_{0};  // number of the run, number of its stages
  std::atomic<Stage*> current_stages_{nullptr};
  alignas(64) std::atomic<uint32_t> progress_{0};  // changes whenever somebody may have waited for
                                                   // what happened
  std::atomic<bool> stop_{false};
};

}  // namespace quire
