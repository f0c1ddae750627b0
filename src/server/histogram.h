// Counts of values by their size, as Prometheus has them: how many were at most so large.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quire::server {

// Upper bounds of the buckets, rising; values beyond the last one are only in the total.
// Safe to call from many threads.
class Histogram {
 public:
  static constexpr size_t n_bounds_max = 24;

  explicit constexpr Histogram(std::span<const double> bounds) : bounds_(bounds) {}

  // The value came n times.
  void add(double value, int64_t n = 1) {
    size_t i = 0;
    while (i < bounds_.size() && value > bounds_[i]) ++i;
    counts_[i] += n;
    sum_ = sum_ + value * static_cast<double>(n);
  }
  // Of the same bounds.
  void add(const Histogram& other) {
    for (size_t i = 0; i <= bounds_.size(); ++i) counts_[i] += other.counts_[i];
    sum_ = sum_ + other.sum_;
  }

  std::span<const double> bounds() const { return bounds_; }
  int64_t count(size_t bucket) const { return counts_[bucket]; }  // bounds().size(): beyond
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::array<std::atomic<int64_t>, n_bounds_max + 1> counts_{};
  std::atomic<double> sum_{0};
};

// From a millisecond to minutes; from one token to the longest contexts.
inline constexpr double second_bounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                           0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10,
                                           20,    40,    80,   160,  640,  2560};
inline constexpr double token_bounds[] = {1,    2,    5,    10,    20,    50,    100,    200,   500,
                                          1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};
inline constexpr double count_bounds[] = {1, 2, 5, 10, 20};

}  // namespace quire::server
