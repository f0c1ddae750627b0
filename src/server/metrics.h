// What /metrics shows, in the text format of Prometheus: requests by route and status, and how long
// they took.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace quire::server {

// Tokens and seconds since the last look: llama.cpp's gauges of throughput begin anew when they are
// read. Safe to call from many threads.
class Throughput {
 public:
  struct Counted {
    double n_prompt = 0, prompt_s = 0, n_generated = 0, generate_s = 0;
  };
  // Tokens per second, of prompts and generated; 0 where nothing happened.
  std::pair<double, double> since_last(const Counted& now);

 private:
  std::mutex mutex_;
  Counted last_;
};

// Safe to call from many threads.
class RequestMetrics {
 public:
  void count(const std::string& route, int status, double seconds);
  // Appends the metrics of requests to `text`.
  void append(std::string& text) const;

 private:
  struct Row {
    int64_t n = 0;
    double seconds = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, Row> rows_;
};

// "# HELP", "# TYPE" and one value.
void append_metric(std::string& text, const char* name, const char* type, const char* help,
                   double value);

}  // namespace quire::server
