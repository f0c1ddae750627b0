#include "base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

namespace quire {
namespace {

TEST(ThreadPool, RunsTheBodyOnceOnEveryThread) {
  for (const int n_threads : {1, 2, 3, 8}) {
    ThreadPool pool(n_threads);
    ASSERT_EQ(pool.size(), n_threads);
    std::vector<int> calls(static_cast<size_t>(n_threads));  // plain: each thread has its own
    std::vector<std::thread::id> ids(static_cast<size_t>(n_threads));
    for (int run = 0; run < 100; ++run) {
      pool.run_on_each([&](int thread) {
        ++calls[static_cast<size_t>(thread)];
        ids[static_cast<size_t>(thread)] = std::this_thread::get_id();
      });
      for (const int n : calls) ASSERT_EQ(n, run + 1);
    }
    EXPECT_EQ(ids[0], std::this_thread::get_id()) << "the caller is thread 0";
    for (int a = 0; a < n_threads; ++a)
      for (int b = 0; b < a; ++b)
        EXPECT_NE(ids[static_cast<size_t>(a)], ids[static_cast<size_t>(b)]);
  }
}

// Every unit reads what two units of the stage before wrote. Plain memory: TSan sees any missing
// order.
TEST(ThreadPool, AStageSeesWhatTheOneBeforeWrote) {
  for (const int n_threads : {1, 2, 4}) {
    ThreadPool pool(n_threads);
    constexpr int64_t n = 5, n_stages = 200;
    const std::vector<int64_t> n_units(n_stages, n);
    std::vector<int64_t> value(n * n_stages);
    for (int round = 0; round < 20; ++round) {
      std::fill(value.begin(), value.end(), 0);
      pool.run(n_units, [&](int64_t stage, int64_t unit, int) {
        const auto at = [&](int64_t s, int64_t u) -> int64_t& {
          return value[static_cast<size_t>(s * n + u % n)];
        };
        at(stage, unit) = stage == 0 ? unit : at(stage - 1, unit) + at(stage - 1, unit + 1) % 1000;
      });
      std::vector<int64_t> right(n);
      std::iota(right.begin(), right.end(), 0);
      for (int64_t stage = 1; stage < n_stages; ++stage) {
        const std::vector<int64_t> old = right;
        for (size_t u = 0; u < n; ++u) right[u] = old[u] + old[(u + 1) % n] % 1000;
      }
      EXPECT_EQ(std::vector<int64_t>(value.end() - n, value.end()), right);
    }
  }
}

TEST(ThreadPool, RunsEveryUnitOfEveryStageOnce) {
  ThreadPool pool(3);
  // Runs of different lengths one after the other: a thread that comes late to one of them must
  // not take units of the next.
  for (int run = 0; run < 3000; ++run) {
    const std::vector<int64_t> n_units{run % 4, 0, 7, run % 3};
    std::vector<std::vector<int>> calls;
    for (const int64_t n : n_units) calls.emplace_back(static_cast<size_t>(n));
    pool.run(
        std::span(n_units).first(static_cast<size_t>(1 + run % 4)),
        [&](int64_t stage, int64_t unit, int thread) {
          if (thread < 0 || thread >= 3) return;
          ++calls[static_cast<size_t>(stage)][static_cast<size_t>(unit)];
        },
        run % 5 == 0 ? Help::none : Help::wanted);
    for (size_t s = 0; s < n_units.size(); ++s)
      ASSERT_EQ(calls[s], std::vector<int>(calls[s].size(), static_cast<int>(s) <= run % 4))
          << "run " << run << ", stage " << s;
  }
}

TEST(ThreadPool, WithoutHelpTheCallerDoesAll) {
  ThreadPool pool(4);
  const int64_t n_units[] = {20, 20};
  pool.run(n_units, [](int64_t, int64_t, int thread) { EXPECT_EQ(thread, 0); }, Help::none);
}

TEST(ThreadPool, ForEachCoversEachIndexOnce) {
  for (const int n_threads : {1, 2, 5}) {
    ThreadPool pool(n_threads);
    for (const int64_t n : {0, 1, 2, 7, 1000})
      for (const int64_t grain : {1, 3, 64, 5000}) {
        std::vector<int> calls(static_cast<size_t>(n));
        pool.for_each(n, grain, [&](int64_t i, int thread) {
          if (thread >= 0 && thread < n_threads) ++calls.at(static_cast<size_t>(i));
        });
        EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(n), 1))
            << "n " << n << ", grain " << grain << ", threads " << n_threads;
      }
  }
}

TEST(ThreadPool, ManyMayLiveSideBySide) {
  ThreadPool outer(2), inner(3);
  std::atomic<int> n_calls{0};
  outer.run_on_each([&](int thread) {
    if (thread == 1) inner.run_on_each([&](int) { ++n_calls; });
  });
  EXPECT_EQ(n_calls, 3);
}

TEST(ThreadPool, MayEndWithoutEverRunning) {
  for (int i = 0; i < 50; ++i) ThreadPool pool(4);
  SUCCEED() << "a thread that misses the end would hang the test";
}

// The scheduler's word on a thread of this process: 'R' runs or wants to, 'S' sleeps.
char thread_state(pid_t thread) {
  const std::string path = "/proc/self/task/" + std::to_string(thread) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return '?';
  char state = '?';
  if (std::fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = '?';
  std::fclose(file);
  return state;
}

// A worker that went on spinning would be seen running until the deadline, which is only there to
// end such a run.
TEST(ThreadPool, SleepsWhenThereIsNothingToDo) {
  ThreadPool pool(4);
  std::vector<pid_t> threads(4);
  pool.run_on_each([&](int thread) {
    threads[static_cast<size_t>(thread)] = static_cast<pid_t>(::syscall(SYS_gettid));
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (size_t i = 1; i < threads.size(); ++i) {
    int n_asleep = 0;  // many looks in a row: a spinning thread may lose its processor once
    while (n_asleep < 1000 && std::chrono::steady_clock::now() < deadline)
      n_asleep = thread_state(threads[i]) == 'S' ? n_asleep + 1 : 0;
    EXPECT_EQ(n_asleep, 1000) << "thread " << i << " never sleeps";
  }
  int n_calls = 0;
  pool.run_on_each([&](int thread) {
    if (thread == 1) ++n_calls;
  });
  EXPECT_EQ(n_calls, 1) << "and it wakes up again";
}

TEST(UsableCpus, FollowsTheAffinityMask) {
  cpu_set_t before;
  CPU_ZERO(&before);
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  const int n_before = usable_cpus();
  EXPECT_GE(n_before, 1);
  EXPECT_LE(n_before, CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cpus(), 1);
  EXPECT_EQ(ThreadPool(0).size(), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(usable_cpus(), n_before);
}

}  // namespace
}  // namespace quire
