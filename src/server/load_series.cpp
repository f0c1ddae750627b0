#include "server/load_series.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>

namespace quire::server {

void LoadSeries::add(const LoadReading& reading) {
  const std::lock_guard lock(mutex_);
  LoadSample sample{reading, 0, 0};
  if (!samples_.empty()) {
    const LoadReading& before = samples_.back().reading;
    const double seconds = static_cast<double>(reading.time_ms - before.time_ms) / 1000;
    const auto rate = [&](int64_t now, int64_t then) {
      return seconds > 0 ? static_cast<double>(std::max<int64_t>(0, now - then)) / seconds : 0;
    };
    sample.tokens_per_s = rate(reading.n_generated_total, before.n_generated_total);
    sample.prompt_tokens_per_s = rate(reading.n_prompt_total, before.n_prompt_total);
  }
  samples_.push_back(sample);
  if (samples_.size() > n_max) samples_.pop_front();
}

std::vector<LoadSample> LoadSeries::samples() const {
  const std::lock_guard lock(mutex_);
  return {samples_.begin(), samples_.end()};
}

void LoadSeries::follow(std::function<LoadReading()> read) {
  add(read());
  thread_ = std::jthread([this, read = std::move(read)](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!never.wait_for(lock, stop, std::chrono::milliseconds(interval_ms),
                           [&] { return stop.stop_requested(); }))
      add(read());
  });
}

int64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  long long n_pages = 0, n_resident = 0;
  const int n_read = std::fscanf(file, "%lld %lld", &n_pages, &n_resident);
  std::fclose(file);
  return n_read == 2 ? n_resident * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace quire::server
