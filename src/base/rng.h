// Random numbers that are the same on every machine: xoshiro256** (Blackman & Vigna 2018,
// arXiv:1805.01407), seeded by splitmix64. The state is plain data so that a checkpoint can store
// it.
#pragma once
#include <cmath>
#include <cstdint>

namespace quire {

// One step of splitmix64: also a good 64-bit mixer of counters and seeds.
inline uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

struct Rng {
  uint64_t s[4];

  explicit Rng(uint64_t seed = 0) {
    for (uint64_t& word : s) word = splitmix64(seed);
  }
  // Uniform in [0, 2^64).
  uint64_t next() {
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
  }
  // Uniform in [0, n), n > 0, without modulo bias (Lemire 2019, arXiv:1805.10941).
  uint64_t below(uint64_t n) {
    __extension__ using Wide = unsigned __int128;
    Wide product = static_cast<Wide>(next()) * n;
    if (static_cast<uint64_t>(product) < n) {
      const uint64_t threshold = -n % n;
      while (static_cast<uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
  }
  // Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Standard normal, by Box and Muller. Uses std::log and std::cos of the C library.
  double normal() {
    const double u = 1.0 - uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * uniform());
  }

 private:
  static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
};

}  // namespace quire
