#include "kernels/matmul_fast.h"

#include "kernels/bf16_blocks.h"
#include "kernels/int16_blocks.h"
#include "kernels/int8_few_rows.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

// Rows of x per tile: their sums for 32 outputs are 64 KiB of the second-level cache, and unpacking
// a panel takes under 2 % of multiplying it with so many.
constexpr int64_t tile_t_max = 512;
// Up to so many rows of x reading the weights is what takes the time.
constexpr int64_t few_rows = 16;
// Weights per tile of somewhat more.
constexpr int64_t tile_bytes = 256 * 1024;
int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }
int64_t round_up(int64_t n, int64_t multiple) { return divide_up(n, multiple) * multiple; }

struct Buffers {
  alignas(64) float sums[tile_t_max * panel_outputs];
  Int8Panels panels;
};

// Asks for n_bytes of each of n rows.
void prefetch(const std::byte* row, int64_t stride, int64_t n, int64_t n_bytes) {
  for (int64_t r = 0; r < n; ++r, row += stride)
    for (int64_t i = 0; i < n_bytes + 63; i += 64) __builtin_prefetch(row + i, 0, 2);
}

// Outputs [n0, n0 + n) of row t from their sums.
void write_row(const FastMatmul& matmul, int64_t t, int64_t n0, int64_t n, const float* sums) {
  const float* bias = matmul.bias == nullptr ? nullptr : matmul.bias + n0;
  float* y = matmul.y.row(t) + n0;
  for (int64_t i = 0; i < n; ++i) {
    const float v = bias == nullptr ? sums[i] : bias[i] + sums[i];
    y[i] = matmul.output == Output::add ? y[i] + v : v;
  }
}

// One tile's outputs from n0 on, at most 32 of them, for the rows [t0, t1).
struct Strip {
  const FastMatmul& matmul;
  int64_t t0, t1, n0, n;
  int64_t next;  // the first output of the strip that probably comes next
  bool is_cold;  // nobody has asked for its weights

  void add_up(Buffers& buffers) const {
    const TensorView& w = matmul.w;
    const int64_t width = matmul.x.width, n_chunks = matmul.x.n_chunks();
    const int64_t stride = row_bytes(w.dtype, width);
    const DTypeInfo& dtype = info(w.dtype);
    const int64_t chunk_bytes = chunk_width / dtype.block_size * dtype.block_bytes;
    const Unpacking* type = find_unpacking(w.dtype);
    const std::byte* rows = w.data + n0 * stride;
    const int64_t n_next = std::min(panel_outputs, w.shape[0] - n0 - n);
    std::memset(buffers.sums, 0, static_cast<size_t>((t1 - t0) * panel_outputs) * sizeof(float));
    if (few(buffers)) return;
    for (int64_t c = 0; c < n_chunks; ++c) {
      // The next chunk of these outputs, or the first of the next ones, while this is multiplied.
      if (c + 1 < n_chunks)
        prefetch(rows + (c + 1) * chunk_bytes, stride, n,
                 std::min(chunk_bytes, stride - (c + 1) * chunk_bytes));
      else
        prefetch(rows + n * stride, stride, n_next, std::min(chunk_bytes, stride));
      const int64_t k = std::min(chunk_width, width - c * chunk_width);
      const WeightChunk chunk{rows + c * chunk_bytes, stride, n, k, type};
      if (matmul.x.format == RowFormat::bf16)
        multiply<Bf16Chunk>(bf16_blocks(), chunk, c, buffers);
      else if (matmul.x.format == RowFormat::q14_32)
        multiply<Q14Chunk>(int16_blocks(), chunk, c, buffers);
      else
        multiply(int8_blocks(), chunk, c, buffers);
    }
  }

  // Few rows, without panels where the type has such a kernel; whether it has.
  bool few(Buffers& buffers) const {
    const TensorView& w = matmul.w;
    const int64_t m = t1 - t0, stride = row_bytes(w.dtype, w.shape[1]);
    if (m < 2 || m > few_rows || n < panel_outputs || matmul.x.format == RowFormat::q14_32)
      return false;
    FewRowsProduct product{.dtype = w.dtype,
                           .w = w.data + n0 * stride,
                           .stride = stride,
                           .k = w.shape[1],
                           .n_x = matmul.x.n,
                           .m = m,
                           .sums = buffers.sums,
                           .next = w.data + next * stride,
                           .is_cold = is_cold};
    if (matmul.x.format == RowFormat::bf16)
      return bf16_blocks().multiply_few(product, matmul.x.chunks<Bf16Chunk>(0) + t0);
    product.x = matmul.x.chunks<Q8Chunk>(0) + t0;
    return multiply_few_rows(buffers.panels, product);
  }

  void multiply(const Int8Blocks& blocks, const WeightChunk& w, int64_t c, Buffers& to) const {
    blocks.unpack(to.panels, w);
    blocks.multiply(to.panels, *w.type, w.k, matmul.x.chunks<Q8Chunk>(c) + t0, t1 - t0, to.sums);
  }
  template <class Chunk, class Blocks>
  void multiply(const Blocks& blocks, const WeightChunk& w, int64_t c, Buffers& to) const {
    blocks.unpack(to.panels, w);
    blocks.multiply(to.panels, w.k, matmul.x.chunks<Chunk>(c) + t0, t1 - t0, to.sums);
  }

  void write(const Buffers& buffers) const {
    for (int64_t t = t0; t < t1; ++t)
      write_row(matmul, t, n0, n, buffers.sums + (t - t0) * panel_outputs);
  }
};

// One row of x, without panels where the type has such a kernel: outputs from `begin` on, as many
// as make whole groups of 32; returns how many. next: the output that probably comes after them.
int64_t direct(const FastMatmul& matmul, int64_t begin, int64_t end, int64_t next, float* sums) {
  const TensorView& w = matmul.w;
  const int64_t stride = row_bytes(w.dtype, matmul.x.width);
  int64_t n_done = 0;
  if (matmul.x.format == RowFormat::q14_32) return 0;
  while (end - begin - n_done >= panel_outputs) {
    const int64_t n = std::min((end - begin - n_done) / panel_outputs, tile_t_max) * panel_outputs;
    const int64_t after = begin + n_done + n, then = after < end ? after : next;
    const DirectRow row{.dtype = w.dtype,
                        .w = w.data + (begin + n_done) * stride,
                        .stride = stride,
                        .n = n,
                        .next = w.data + then * stride,
                        .x = matmul.x.chunks<Q8Chunk>(0),
                        .k = matmul.x.width,
                        .sums = sums};
    const bool done = matmul.x.format == RowFormat::bf16
                          ? bf16_blocks().multiply_row(row, matmul.x.chunks<Bf16Chunk>(0))
                          : int8_blocks().multiply_row(row);
    if (!done) break;
    write_row(matmul, 0, begin + n_done, n, sums);
    n_done += n;
  }
  return n_done;
}

// Shrinking tiles: half of the outputs in one tile for each thread, then half of what is left, and
// so on down to a strip.
struct Span {
  int64_t begin, end;
};
Span shrinking_tile(int64_t n_strips, int n_threads, int64_t tile) {
  for (int64_t begin = 0;;) {
    const int64_t each = std::max<int64_t>(1, (n_strips - begin) / (2 * n_threads));
    const int64_t n_left = each == 1 ? n_strips - begin : n_threads;
    if (tile < n_left) return {begin + tile * each, begin + (tile + 1) * each};
    tile -= n_left;
    begin += n_left * each;
  }
}
int64_t n_shrinking_tiles(int64_t n_strips, int n_threads) {
  int64_t n = 0;
  for (int64_t begin = 0;; n += n_threads) {
    const int64_t each = (n_strips - begin) / (2 * n_threads);
    if (each <= 1) return n + n_strips - begin;
    begin += n_threads * each;
  }
}

// The outputs of a tile.
Span outputs(const FastPlan& plan, int64_t tile) {
  const int64_t n = plan.matmul.w.shape[0], at = tile % plan.n_tiles_n;
  if (plan.tile_n > 0) return {at * plan.tile_n, std::min(n, (at + 1) * plan.tile_n)};
  const auto [begin, end] = shrinking_tile(divide_up(n, panel_outputs), plan.n_threads, at);
  return {begin * panel_outputs, std::min(n, end * panel_outputs)};
}

}  // namespace

FastPlan fast_plan(const FastMatmul& matmul, int n_threads) {
  const TensorView& w = matmul.w;
  const int64_t n_rows = matmul.x.n, n = w.shape[0];
  CHECK(w.shape.rank == 2 && n_threads >= 1);
  CHECK(matmul.x.format != RowFormat::f32 &&
        matmul.x.format == row_format(w.dtype, Precision::fast));
  CHECK(matmul.x.width == w.shape[1] && matmul.y.width == n && n_rows == matmul.y.n);
  FastPlan plan;
  plan.matmul = matmul;
  if (n_rows == 0 || n == 0) return plan;
  plan.tile_t = std::min(tile_t_max, n_rows);
  const int64_t n_tiles_t = divide_up(n_rows, plan.tile_t);
  plan.n_threads = n_threads;
  if (n_rows <= few_rows) {
    plan.n_tiles_n = n_shrinking_tiles(divide_up(n, panel_outputs), n_threads);
  } else {
    // Enough work to pay for taking a tile, and enough tiles to keep the threads evenly busy.
    const int64_t bytes = std::max<int64_t>(1, row_bytes(w.dtype, w.shape[1]));
    const int64_t enough = tile_bytes / bytes / std::max<int64_t>(1, plan.tile_t / 4);
    const int64_t even = n * n_tiles_t / (4 * n_threads);
    plan.tile_n =
        std::max<int64_t>(panel_outputs, std::min(enough, even) / panel_outputs * panel_outputs);
    plan.tile_n = std::min(plan.tile_n, round_up(n, panel_outputs));
    plan.n_tiles_n = divide_up(n, plan.tile_n);
  }
  plan.n_tiles = n_tiles_t * plan.n_tiles_n;
  return plan;
}

size_t fast_scratch_bytes() { return sizeof(Buffers); }

void fast_tile(const FastPlan& plan, int64_t tile, Scratch scratch) {
  CHECK(tile >= 0 && tile < plan.n_tiles && scratch.size() >= fast_scratch_bytes());
  const FastMatmul& matmul = plan.matmul;
  auto& buffers = *reinterpret_cast<Buffers*>(scratch.data());
  const int64_t t0 = tile / plan.n_tiles_n * plan.tile_t;
  const int64_t t1 = std::min(t0 + plan.tile_t, matmul.x.n);
  const auto [begin, end] = outputs(plan, tile);
  // Threads take tiles by turns, more or less.
  const int64_t then =
      tile + plan.n_threads < plan.n_tiles ? outputs(plan, tile + plan.n_threads).begin : end;
  const int64_t n_direct = matmul.x.n == 1 ? direct(matmul, begin, end, then, buffers.sums) : 0;
  for (int64_t n0 = begin + n_direct; n0 < end; n0 += panel_outputs) {
    const int64_t next = n0 + panel_outputs < end ? n0 + panel_outputs : then;
    const bool is_cold = n0 == begin && tile < plan.n_threads;
    const Strip strip{matmul, t0, t1, n0, std::min(panel_outputs, end - n0), next, is_cold};
    strip.add_up(buffers);
    strip.write(buffers);
  }
}

}  // namespace quire
