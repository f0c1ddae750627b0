#include "engine/frequencies.h"

#include "base/check.h"

#include <bit>
#include <limits>
#include <numeric>

namespace quire {
namespace {

// e^x for x <= 0, to 1e-13. Only additions and multiplications, which IEEE 754 fixes bit for bit,
// unlike the exp of a C library: 2^n * 2^f with f in [-0.5, 0.5] by its Taylor series in f ln 2.
// (A compiler that fused the two would change the result; x86-64 without FMA, for which this file
// is compiled, and -ffp-contract=off elsewhere do not.)
double exp_exact(double x) {
  if (!(x > -700)) return 0;  // NaN, too
  const double y = x * 1.4426950408889634;
  const auto n = static_cast<int64_t>(y - 0.5);  // rounds to the nearest, y <= 0
  const double r = (y - static_cast<double>(n)) * 0.6931471805599453;
  double sum = 1;
  for (int i = 12; i >= 1; --i) sum = 1 + sum * r / i;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52);
}

}  // namespace

void TokenFrequencies::set(std::span<const float> logits) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  float largest = -infinity;
  for (const float logit : logits)
    if (logit > largest && logit < infinity) largest = logit;

  weights_.resize(logits.size());
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double below = static_cast<double>(logits[i]) - static_cast<double>(largest);
    weights_[i] = below <= 0 ? exp_exact(below) : 0;  // above is only +infinity
    sum += weights_[i];
  }
  // 2^20 of slack: far more than the rounding of the sum can make.
  const double n_vocab = static_cast<double>(logits.size());
  const double scale = sum > 0 ? (0x1p32 - n_vocab - 0x1p20) / sum : 0;
  sizes_.resize(logits.size());
  total_ = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    sizes_[i] = 1 + static_cast<uint32_t>(weights_[i] * scale);
    total_ += sizes_[i];
  }
}

Interval TokenFrequencies::of(int32_t token) const {
  const auto id = static_cast<size_t>(token);
  return {token, std::accumulate(sizes_.begin(), sizes_.begin() + token, uint64_t{0}), sizes_[id]};
}

Interval TokenFrequencies::at(uint64_t value) const {
  CHECK(value < total_);
  uint64_t start = 0;
  size_t id = 0;
  while (value - start >= sizes_[id]) start += sizes_[id++];
  return {static_cast<int32_t>(id), start, sizes_[id]};
}

}  // namespace quire
