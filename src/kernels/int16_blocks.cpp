#include "kernels/int16_blocks.h"

#include "kernels/simd.h"
#include "quant/half.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace quire {
namespace {

constexpr int64_t group = 32;
// The exponents of f32 numbers: of the smallest F16, 2^-24, and of what is no number.
constexpr uint32_t least_exponent = 103u << 23, no_number = 255u << 23;

// Of a group with this largest magnitude (the bits of an f32).
struct GroupScale {
  float scale, inverse;
};
GroupScale group_scale(uint32_t most_bits) {
  const uint32_t exponent = std::max(most_bits & no_number, least_exponent);
  if (exponent == no_number) return {std::bit_cast<float>(no_number | 1u << 22), 0};
  return {std::bit_cast<float>(exponent - (12u << 23)),
          std::bit_cast<float>((266u << 23) - exponent)};
}

}  // namespace

namespace portable {
namespace {

// Panels [output][k].
void unpack(Int8Panels& panels, const WeightChunk& w) {
  std::memset(&panels, 0, sizeof panels);
  auto* q = reinterpret_cast<int16_t*>(panels.q);
  for (int64_t n = 0; n < w.n; ++n)
    for (int64_t g = 0; g * group < w.k; ++g) {
      const int64_t size = std::min(group, w.k - g * group);
      float values[group];
      uint32_t most = 0;
      for (int64_t i = 0; i < size; ++i) {
        uint16_t bits;
        std::memcpy(&bits, w.data + n * w.stride + 2 * (g * group + i), 2);
        values[i] = f16_to_f32(bits);
        most = std::max(most, std::bit_cast<uint32_t>(values[i]) & 0x7fffffffu);
      }
      const GroupScale scale = group_scale(most);
      panels.scale[n / 16][g][n % 16] = scale.scale;
      for (int64_t i = 0; i < size && scale.inverse != 0; ++i)
        q[n * chunk_width + g * group + i] =
            static_cast<int16_t>(std::nearbyint(values[i] * scale.inverse));
    }
}

void multiply(const Int8Panels& panels, int64_t k, const Q14Chunk* x, int64_t m, float* sums) {
  const auto* q = reinterpret_cast<const int16_t*>(panels.q);
  for (int64_t t = 0; t < m; ++t)
    for (int64_t n = 0; n < panel_outputs; ++n) {
      float& sum = sums[t * panel_outputs + n];
      for (int64_t g = 0; g * group < k; ++g) {
        int32_t dot = 0;
        for (int64_t i = g * group; i < (g + 1) * group; ++i)
          dot += q[n * chunk_width + i] * x[t].q[i];
        sum += static_cast<float>(dot) * panels.scale[n / 16][g][n % 16] * x[t].scale[g];
      }
    }
}

Int16Blocks blocks() { return {unpack, multiply}; }

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/int16_blocks_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

Int16Blocks int16_blocks() { return KERNEL_VERSION(blocks)(); }

}  // namespace quire
