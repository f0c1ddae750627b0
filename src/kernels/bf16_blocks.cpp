#include "kernels/bf16_blocks.h"

#include "kernels/simd.h"
#include "quant/half.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quire::portable {
namespace {

constexpr int64_t lanes = 16;

void unpack(Int8Panels& panels, const WeightChunk& w) {
  std::memset(panels.q, 0, sizeof panels.q);
  auto* q = reinterpret_cast<uint16_t*>(panels.q);
  for (int64_t n = 0; n < w.n; ++n)
    for (int64_t k = 0; k < w.k; ++k)
      std::memcpy(q + n / lanes * lanes * chunk_width + k / 2 * 2 * lanes + n % lanes * 2 + k % 2,
                  w.data + n * w.stride + 2 * k, 2);
}

void multiply(const Int8Panels& panels, int64_t k, const Bf16Chunk* x, int64_t m, float* sums) {
  const auto* q = reinterpret_cast<const uint16_t*>(panels.q);
  for (int64_t t = 0; t < m; ++t)
    for (int64_t n = 0; n < panel_outputs; ++n) {
      const uint16_t* w = q + n / lanes * lanes * chunk_width + n % lanes * 2;
      float& sum = sums[t * panel_outputs + n];
      for (int64_t i = 0; i < k; ++i)
        sum += bf16_to_f32(x[t].x[i]) * bf16_to_f32(w[i / 2 * 2 * lanes + i % 2]);
    }
}

bool multiply_few(const FewRowsProduct&, const Bf16Chunk*) { return false; }
bool multiply_row(const DirectRow&, const Bf16Chunk*) { return false; }

Bf16Blocks blocks() { return {unpack, multiply, multiply_few, multiply_row}; }

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/bf16_blocks_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

Bf16Blocks bf16_blocks() { return KERNEL_VERSION(blocks)(); }

}  // namespace quire
