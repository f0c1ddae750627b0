// What this machine can do at most, measured: the lines beside which a speed is shown (the roofline
// of Williams, Waterman & Patterson 2009, doi:10.1145/1498765.1498785).
#pragma once
#include "base/threads.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace quire {

// Operations per second of all threads of a pool together, a multiply-add counting as two, by bare
// loops over registers with the best instruction the program may use for it: int8 VPDPBUSD or
// VPMADDUBSW, bf16 VDPBF16PS, f32 fused multiply-adds. Where there is none of the kind, that of
// f32.
struct PeakRates {
  double int8 = 0, bf16 = 0, f32 = 0;
};
// About `seconds` for each; the best of several rounds, as other work makes a round only slower.
PeakRates measure_peak_rates(ThreadPool& pool, double seconds = 0.1);

// How fast all threads together read memory that is in no cache. It changes within seconds on a
// shared machine, so a measurement is put between two of these.
class BandwidthProbe {
 public:
  // Takes up to 512 MiB of memory, an eighth of the machine's at most; `pool` must outlive it.
  explicit BandwidthProbe(ThreadPool& pool);
  // Bytes per second: the median of some passes over all of it, about `seconds` in all.
  double measure(double seconds = 0.06) const;

 private:
  ThreadPool& pool_;
  size_t n_bytes_;
  std::shared_ptr<std::byte[]> memory_;
};

}  // namespace quire
