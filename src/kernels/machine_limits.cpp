#include "kernels/machine_limits.h"

#include "kernels/simd.h"
#include "tensor/tensor.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace quire {
namespace {

// Where loops leave their results, so that the compiler cannot leave out the loops.
thread_local volatile float benchmark_sink;

}  // namespace

namespace portable {
namespace {

double spin_f32(int64_t n_rounds) {
  constexpr int n_sums = 8 * 4;  // eight registers of four
  float sums[n_sums];
  for (int i = 0; i < n_sums; ++i) sums[i] = 1.0f + static_cast<float>(i);
  for (int64_t round = 0; round < n_rounds; ++round)
    for (float& sum : sums) sum = sum * 0.999f + 1e-3f;
  float total = 0;
  for (const float sum : sums) total += sum;
  benchmark_sink = total;
  return 2.0 * n_sums * static_cast<double>(n_rounds);
}
double spin_int8(int64_t n_rounds) { return spin_f32(n_rounds); }
double spin_bf16(int64_t n_rounds) { return spin_f32(n_rounds); }

void read_bytes(const std::byte* data, int64_t n_bytes) {
  uint64_t sums[8] = {};
  for (int64_t at = 0; at + 64 <= n_bytes; at += 64) {
    uint64_t words[8];
    std::memcpy(words, data + at, 64);
    for (int i = 0; i < 8; ++i) sums[i] ^= words[i];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total ^= sum;
  benchmark_sink = static_cast<float>(total);
}

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/machine_limits_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double best_rate(ThreadPool& pool, double (*spin)(int64_t), double seconds) {
  constexpr int64_t n_rounds = 1 << 18;  // about a millisecond
  double best = 0;
  for (const double end = now_s() + seconds; now_s() < end;) {
    std::vector<double> n_operations(static_cast<size_t>(pool.size()));
    const double start = now_s();
    pool.run_on_each(
        [&](int thread) { n_operations[static_cast<size_t>(thread)] = spin(n_rounds); });
    const double taken = now_s() - start;
    best = std::max(best, n_operations[0] * static_cast<double>(pool.size()) / taken);
  }
  return best;
}

size_t probe_bytes() {
  const auto machine =
      static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return std::min<size_t>(512 << 20, machine / 8) >> 20 << 20;
}

}  // namespace

PeakRates measure_peak_rates(ThreadPool& pool, double seconds) {
  return {.int8 = best_rate(pool, KERNEL_VERSION(spin_int8), seconds),
          .bf16 = best_rate(pool, KERNEL_VERSION(spin_bf16), seconds),
          .f32 = best_rate(pool, KERNEL_VERSION(spin_f32), seconds)};
}

BandwidthProbe::BandwidthProbe(ThreadPool& pool)
    : pool_(pool), n_bytes_(probe_bytes()), memory_(allocate_aligned(n_bytes_)) {}

double BandwidthProbe::measure(double seconds) const {
  const auto read = KERNEL_VERSION(read_bytes);
  const auto share = static_cast<int64_t>(n_bytes_) / pool_.size() / 4096 * 4096;
  std::vector<double> passes;
  for (const double end = now_s() + seconds; passes.size() < 3 || now_s() < end;) {
    const double start = now_s();
    pool_.run_on_each([&](int thread) { read(memory_.get() + thread * share, share); });
    passes.push_back(static_cast<double>(share * pool_.size()) / (now_s() - start));
  }
  const auto middle = passes.begin() + static_cast<std::ptrdiff_t>(passes.size() / 2);
  std::nth_element(passes.begin(), middle, passes.end());
  return *middle;
}

}  // namespace quire
