// How fast a model runs, and how near that is to what the machine can do.
//
// A test is a prompt, run in batches of its tokens, or a generation: one token of each of some
// sequences per step. Tokens are random and nothing is sampled, as in llama.cpp's llama-bench. Both
// may start at a depth: that many positions of each sequence are in the cache already.
//
// Beside the rate stand two shares. Of the bandwidth: bytes of weights, keys and values that the
// test must read, each once per step, over what the machine read per second just before and after.
// Of the peak: the time that the matrix products of the test take at the machine's peak rate for
// the types in them, over the time it took.
#pragma once
#include "base/function_ref.h"
#include "engine/runner.h"
#include "kernels/machine_limits.h"

#include <memory>
#include <string>
#include <vector>

namespace quire {

struct SpeedTest {
  enum class Kind : uint8_t { prompt, generation };
  Kind kind = Kind::prompt;
  int64_t n_tokens = 512;    // of each sequence
  int64_t n_depth = 0;       // cached positions before them
  int32_t n_sequences = 1;   // together
  std::string name() const;  // "pp512", "tg128 x4 @ d4096"
};

struct SpeedSample {
  double seconds = 0;
  double bandwidth = 0;  // bytes per second, mean of before and after
};

struct SpeedResult {
  SpeedTest test;
  std::vector<SpeedSample> samples;
  double n_tokens = 0;      // of all sequences together
  double n_bytes = 0;       // read from memory, at least
  double peak_seconds = 0;  // of its matrix products at the machine's peak

  double rate(const SpeedSample& sample) const { return n_tokens / sample.seconds; }
  double rate() const;  // tokens per second, median
  double least_rate() const;
  double most_rate() const;
  double bytes_per_second() const;  // at the median rate
  double bandwidth_share() const;   // median
  double peak_share() const;        // at the median rate
};

struct SpeedOptions {
  RunnerOptions runner;  // n_ctx and n_sequences are taken from the tests
  int n_repeats = 5;
  uint64_t seed = 1;
};

// Median of values, the mean of the middle two of an even number. CHECKs that there are some.
double median(std::vector<double> values);

// Runs tests one after another; those of one depth should stand together, as the cache is then
// filled once. usage or limit when a test does not fit in the model's context or in memory.
// on_result is called after each test.
Result<void> measure_speed(const std::shared_ptr<const Model>& model,
                           const std::vector<SpeedTest>& tests, const SpeedOptions& options,
                           const PeakRates& peaks, FunctionRef<void(const SpeedResult&)> on_result);

}  // namespace quire
