// How busy the server was: a sample every two seconds, of the last ten minutes, for plots.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quire::server {

// What is read at one moment. Totals rise; they fall when a model is unloaded.
struct LoadReading {
  int64_t time_ms = 0;  // since 1970
  int64_t n_generated_total = 0,
          n_prompt_total = 0;          // tokens drawn; tokens of prompts that were run
  int64_t n_active = 0, n_queued = 0;  // sequences
  int64_t kv_used = 0, kv_total = 0;   // positions
  int64_t rss_bytes = 0;
};

struct LoadSample {
  LoadReading reading;
  double tokens_per_s = 0, prompt_tokens_per_s = 0;  // since the sample before
};

// Safe to call from many threads.
class LoadSeries {
 public:
  static constexpr size_t n_max = 300;
  static constexpr int64_t interval_ms = 2000;

  void add(const LoadReading& reading);
  std::vector<LoadSample> samples() const;  // the oldest first
  // Adds what `read` gives now and then, in a thread of its own, until the series is destroyed.
  void follow(std::function<LoadReading()> read);

 private:
  mutable std::mutex mutex_;
  std::deque<LoadSample> samples_;
  std::jthread thread_;  // last: stopped first
};

// Bytes of this process in memory (/proc/self/statm); 0 where that cannot be read.
int64_t resident_bytes();

}  // namespace quire::server
