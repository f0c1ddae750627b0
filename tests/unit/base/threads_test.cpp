#include "base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
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
      pool.run([&](int thread) {
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

// Every thread writes, all meet, every thread reads what its neighbour wrote. Plain memory: TSan
// sees any missing order.
TEST(ThreadPool, BarrierOrdersWritesBeforeReads) {
  constexpr int n_threads = 4, n_rounds = 500;
  ThreadPool pool(n_threads);
  std::vector<int> value(n_threads);
  std::vector<int> n_wrong(n_threads);
  pool.run([&](int thread) {
    for (int round = 1; round <= n_rounds; ++round) {
      value[static_cast<size_t>(thread)] = round;
      pool.barrier();
      if (value[static_cast<size_t>((thread + 1) % n_threads)] != round)
        ++n_wrong[static_cast<size_t>(thread)];
      pool.barrier();
    }
  });
  EXPECT_EQ(n_wrong, std::vector<int>(n_threads, 0));
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

TEST(ThreadPool, WorkCounterHandsOutEachIterationOnce) {
  constexpr int64_t n = 10000, grain = 7;
  ThreadPool pool(3);
  WorkCounter counter;
  std::vector<int> calls(n);
  for (int round = 1; round <= 2; ++round) {
    counter.reset();
    pool.run([&](int) {
      for (int64_t begin = counter.take(grain); begin < n; begin = counter.take(grain))
        for (int64_t i = begin; i < std::min(n, begin + grain); ++i)
          ++calls[static_cast<size_t>(i)];
    });
    EXPECT_EQ(calls, std::vector<int>(n, round));
  }
}

TEST(ThreadPool, ManyMayLiveSideBySide) {
  ThreadPool outer(2), inner(3);
  std::atomic<int> n_calls{0};
  outer.run([&](int thread) {
    if (thread == 1) inner.run([&](int) { ++n_calls; });
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
  pool.run([&](int thread) {
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
  pool.run([&](int thread) {
    if (thread == 0) ++n_calls;
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
