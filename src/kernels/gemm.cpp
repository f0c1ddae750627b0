// Tiles of C: each packs the parts of A and B it needs, block of K by block of K, and multiplies
// them (gemm_blocks.h).
#include "kernels/gemm.h"

#include "kernels/gemm_blocks.h"
#include "quant/codec.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

// Largest tile: its packed A (264 x 272 floats, 280 KiB) and B (256 x 256, 256 KiB) share an L2
// cache of 1 MiB with C.
constexpr int64_t tile_m_max = 264, tile_n_max = 256;
// Below these, packing costs more than it saves.
constexpr int64_t tile_m_min = 48, tile_n_min = 64;
constexpr int64_t decoded_floats =
    32 * gemm_k_block;  // a panel's lines, or part of one line of a tile

int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }

// The parts of a thread's scratch.
struct Buffers {
  float* a;        // tile_m_max rows of gemm_a_stride, or panels of columns
  float* b;        // panels
  float* decoded;  // decoded_floats
};
constexpr int64_t a_floats = tile_m_max * gemm_a_stride + 64;
constexpr int64_t b_floats = tile_n_max * gemm_k_block;

// One block of K of one tile.
struct Block {
  int64_t m0, m, n0, n, k0, k;
};

const std::byte* line(const GemmOperand& x, int64_t i) { return x.data + i * x.stride_bytes; }

void pack_a(const GemmPlan& plan, const GemmBlocks& blocks, const Block& block, float* a) {
  const GemmOperand& x = plan.gemm.a;
  if (x.lines == GemmOperand::Lines::rows) {
    for (int64_t i = 0; i < block.m; ++i) {
      const float* from = reinterpret_cast<const float*>(line(x, block.m0 + i)) + block.k0;
      std::memcpy(a + i * gemm_a_stride, from, static_cast<size_t>(block.k) * sizeof(float));
    }
    return;
  }
  const float* from = reinterpret_cast<const float*>(line(x, block.k0)) + block.m0;
  const int64_t stride = x.stride_bytes / static_cast<int64_t>(sizeof(float));
  for (int64_t i = 0; i < block.m; i += blocks.panel_m)
    blocks.pack_a_columns(a + i * block.k, from + i, stride, std::min(blocks.panel_m, block.m - i),
                          block.k);
}

// B's lines are consecutive along K: panel by panel, decoding panel_n lines.
void pack_b_columns(const GemmPlan& plan, const GemmBlocks& blocks, const Block& block,
                    const Buffers& to) {
  const GemmOperand& x = plan.gemm.b;
  const Codec& source = *codec(x.dtype);
  for (int64_t j = 0; j < block.n; j += blocks.panel_n) {
    const int64_t n = std::min(blocks.panel_n, block.n - j);
    float* panel = to.b + j * block.k;
    const std::byte* first = line(x, block.n0 + j) + row_bytes(x.dtype, block.k0);
    if (x.dtype == DType::f32) {
      blocks.pack_columns(panel, reinterpret_cast<const float*>(first),
                          x.stride_bytes / static_cast<int64_t>(sizeof(float)), n, block.k);
      continue;
    }
    for (int64_t i = 0; i < n; ++i)
      source.decode(first + i * x.stride_bytes, to.decoded + i * gemm_k_block, block.k);
    blocks.pack_columns(panel, to.decoded, gemm_k_block, n, block.k);
  }
}

// B's lines are consecutive along N: a few lines of the tile are decoded, then cut into panels.
void pack_b_rows(const GemmPlan& plan, const GemmBlocks& blocks, const Block& block,
                 const Buffers& to) {
  const GemmOperand& x = plan.gemm.b;
  const int64_t step = x.dtype == DType::f32 ? block.k : decoded_floats / tile_n_max;
  for (int64_t k = 0; k < block.k; k += step) {
    const int64_t n_lines = std::min(step, block.k - k);
    const std::byte* first = line(x, block.k0 + k) + row_bytes(x.dtype, block.n0);
    const float* lines = reinterpret_cast<const float*>(first);
    int64_t stride = x.stride_bytes / static_cast<int64_t>(sizeof(float));
    if (x.dtype != DType::f32) {
      stride = tile_n_max;
      const int64_t whole = round_up(block.n, info(x.dtype).block_size);
      for (int64_t i = 0; i < n_lines; ++i)
        codec(x.dtype)->decode(first + i * x.stride_bytes, to.decoded + i * stride, whole);
      lines = to.decoded;
    }
    for (int64_t j = 0; j < block.n; j += blocks.panel_n)
      blocks.pack_rows(to.b + j * block.k + k * blocks.panel_n, lines + j, stride,
                       std::min(blocks.panel_n, block.n - j), n_lines);
  }
}

void multiply_block(const GemmPlan& plan, const GemmBlocks& blocks, const Block& block,
                    const Buffers& buffers) {
  const Gemm& gemm = plan.gemm;
  const bool first = block.k0 == 0;
  const bool a_in_rows = gemm.a.lines == GemmOperand::Lines::rows;
  const GemmBlocks::Task task{
      .m = block.m,
      .n = block.n,
      .k = block.k,
      .a = buffers.a,
      .a_stride = blocks.panel_m,
      .a_panel_step = blocks.panel_m * block.k,
      .b = buffers.b,
      .b_step = blocks.panel_n * block.k,
      .c = gemm.c + block.m0 * gemm.c_stride + block.n0,
      .c_stride = gemm.c_stride,
      .bias = first && gemm.bias != nullptr ? gemm.bias + block.n0 : nullptr,
      .output = first ? gemm.output : Output::add};
  (a_in_rows ? blocks.multiply_rows : blocks.multiply_columns)(task);
}

}  // namespace

GemmOperand GemmOperand::rows(const float* x, int64_t stride) {
  return {reinterpret_cast<const std::byte*>(x), DType::f32,
          stride * static_cast<int64_t>(sizeof(float)), Lines::rows};
}
GemmOperand GemmOperand::columns(const float* x, int64_t stride) {
  GemmOperand operand = rows(x, stride);
  operand.lines = Lines::columns;
  return operand;
}
GemmOperand GemmOperand::rows(const TensorView& w) {
  return {w.data, w.dtype, row_bytes(w.dtype, w.shape.last()), Lines::rows};
}
GemmOperand GemmOperand::columns(const TensorView& w) {
  GemmOperand operand = rows(w);
  operand.lines = Lines::columns;
  return operand;
}

GemmPlan gemm_plan(const Gemm& gemm, int n_threads) {
  CHECK(gemm.m >= 0 && gemm.n >= 0 && gemm.k >= 0 && gemm.a.dtype == DType::f32);
  CHECK(codec(gemm.b.dtype) != nullptr && (gemm.c_stride >= gemm.n || gemm.m <= 1));
  const int64_t block_size = info(gemm.b.dtype).block_size;
  CHECK(gemm_k_block % block_size == 0 && tile_n_max % block_size == 0);
  GemmPlan plan;
  plan.gemm = gemm;
  if (gemm.m == 0 || gemm.n == 0) return plan;
  int64_t n_m = divide_up(gemm.m, tile_m_max), n_n = divide_up(gemm.n, tile_n_max);
  // More and smaller tiles until the threads are evenly busy.
  while (n_m * n_n < 4 * n_threads && (n_m * n_n) % n_threads != 0) {
    const bool split_m = gemm.m / (n_m + 1) >= tile_m_min;
    const bool split_n = gemm.n / (n_n + 1) >= tile_n_min;
    if (!split_m && !split_n) break;
    if (split_m && (!split_n || gemm.m / n_m >= gemm.n / n_n))
      ++n_m;
    else
      ++n_n;
  }
  // Whole register blocks (12 rows, 32 columns) and whole storage blocks.
  plan.tile_m = std::min(tile_m_max, round_up(divide_up(gemm.m, n_m), 12));
  plan.tile_n =
      std::min(tile_n_max, round_up(divide_up(gemm.n, n_n), std::max<int64_t>(32, block_size)));
  plan.n_tiles_n = divide_up(gemm.n, plan.tile_n);
  plan.n_tiles = divide_up(gemm.m, plan.tile_m) * plan.n_tiles_n;
  return plan;
}

size_t gemm_scratch_bytes() {
  return static_cast<size_t>(a_floats + b_floats + decoded_floats) * sizeof(float);
}

void gemm_tile(const GemmPlan& plan, int64_t tile, Scratch scratch) {
  CHECK(tile >= 0 && tile < plan.n_tiles && scratch.size() >= gemm_scratch_bytes());
  const Gemm& gemm = plan.gemm;
  const GemmBlocks blocks = gemm_blocks();
  float* memory = reinterpret_cast<float*>(scratch.data());
  const Buffers buffers{memory, memory + a_floats, memory + a_floats + b_floats};
  Block block{};
  block.m0 = tile / plan.n_tiles_n * plan.tile_m;
  block.n0 = tile % plan.n_tiles_n * plan.tile_n;
  block.m = std::min(plan.tile_m, gemm.m - block.m0);
  block.n = std::min(plan.tile_n, gemm.n - block.n0);
  do {  // once also when K is 0: C becomes the bias
    block.k = std::min(gemm_k_block, gemm.k - block.k0);
    if (block.k > 0) {  // operands of no elements may have no memory
      pack_a(plan, blocks, block, buffers.a);
      if (gemm.b.lines == GemmOperand::Lines::columns)
        pack_b_columns(plan, blocks, block, buffers);
      else
        pack_b_rows(plan, blocks, block, buffers);
    }
    multiply_block(plan, blocks, block, buffers);
    block.k0 += block.k;
  } while (block.k0 < gemm.k);
}

void gemm(const Gemm& product, Scratch scratch) {
  const GemmPlan plan = gemm_plan(product);
  for (int64_t tile = 0; tile < plan.n_tiles; ++tile) gemm_tile(plan, tile, scratch);
}

}  // namespace quire
