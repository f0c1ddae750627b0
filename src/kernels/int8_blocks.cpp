#include "kernels/int8_blocks.h"

#include "kernels/simd.h"
#include "quant/blocks.h"
#include "quant/grids.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace quire::portable {
namespace {

// One row into row `n` of the panels' [output][k].
void unpack_one(Int8Panels& panels, const WeightChunk& w, int64_t n) {
  float scale[16], offset[16];
  auto* q = reinterpret_cast<int8_t*>(panels.q) + n * chunk_width;
  w.type->unpack(w.data + n * w.stride, w.k, q, scale, offset);
  for (int64_t g = 0; g < w.k / w.type->group; ++g) {
    panels.scale[n / 16][g][n % 16] = scale[g];
    panels.offset[n / 16][g][n % 16] = w.type->has_offsets ? offset[g] : 0.0f;
  }
}

void unpack(Int8Panels& panels, const WeightChunk& w) {
  if (w.n < panel_outputs) std::memset(&panels, 0, sizeof panels);
  for (int64_t n = 0; n < w.n; ++n) unpack_one(panels, w, n);
}

float chunk_product(const Int8Panels& panels, const Unpacking& type, int64_t k, const Q8Chunk& x,
                    int64_t n, float sum) {
  const bool one_scale = type.rows == RowFormat::q8_256;
  const int64_t group = type.group;
  const auto* q = reinterpret_cast<const int8_t*>(panels.q) + n * chunk_width;
  float part = one_scale ? 0.0f : sum;
  for (int64_t g = 0; g < k / group; ++g) {
    int32_t dot = 0;
    for (int64_t i = g * group; i < (g + 1) * group; ++i) dot += q[i] * x.q[i];
    const float scale = panels.scale[n / 16][g][n % 16];
    float product = static_cast<float>(dot) * scale;
    if (type.has_offsets)
      product += panels.offset[n / 16][g][n % 16] *
                 static_cast<float>(group == 16 ? x.whole16[g] : x.whole32[g]);
    part += one_scale ? product : product * x.scale[g * group / 32];
  }
  return one_scale ? sum + part * x.scale[0] : part;
}

void multiply(const Int8Panels& panels, const Unpacking& type, int64_t k, const Q8Chunk* x,
              int64_t m, float* sums) {
  for (int64_t t = 0; t < m; ++t)
    for (int64_t n = 0; n < panel_outputs; ++n) {
      float& sum = sums[t * panel_outputs + n];
      sum = chunk_product(panels, type, k, x[t], n, sum);
    }
}

bool multiply_row(const DirectRow&) { return false; }

Int8Blocks blocks() { return {unpack, multiply, multiply_row}; }

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/int8_blocks_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

Int8Blocks int8_blocks() { return KERNEL_VERSION(blocks)(); }

}  // namespace quire
