// Scores, probabilities and their gradients exist only as tiles of row_block queries by key_block
// keys; products of tiles run on the blocks of the matrix product (gemm_blocks.h), the rest row by
// row.
#include "kernels/attention_train.h"

#include "kernels/gemm_blocks.h"
#include "kernels/simd_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace quire {
namespace {

constexpr int64_t row_block = 96;   // 8 register blocks of 12 rows
constexpr int64_t key_block = 128;  // 96 x 128 scores and their operands stay in L2
constexpr int64_t tile_rows =
    192;  // rows per tile of the forward pass: keys are packed once per tile
static_assert(key_block <= gemm_k_block);

struct TrainPasses {
  // Scores of n keys become probabilities relative to the running maximum, zero outside [low,
  // high); returns the factor for what was summed before.
  float (*softmax_row)(float* row, int64_t low, int64_t high, int64_t n, float softcap,
                       float* running_max, float* running_sum);
  // p: scores -> e^(cap(score) - lse);  ds: dp -> p (dp - delta) cap'(score). Zero outside [low,
  // high).
  void (*gradient_row)(float* p, float* ds, int64_t low, int64_t high, int64_t n, float softcap,
                       float lse, float delta);
  void (*scale)(float* y, const float* x, float factor, int64_t n, Output output);
  float (*dot)(const float* a, const float* b, int64_t n);
};

}  // namespace

namespace portable {
namespace {

float softmax_row(float* row, int64_t low, int64_t high, int64_t n, float softcap,
                  float* running_max, float* running_sum) {
  float m = *running_max;
  for (int64_t i = low; i < high; ++i) {
    if (softcap > 0) row[i] = softcap * std::tanh(row[i] / softcap);
    m = row[i] > m ? row[i] : m;
  }
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    row[i] = i < low || i >= high ? 0.0f : std::exp(row[i] - m);
    sum += double{row[i]};
  }
  const float factor = std::exp(*running_max - m);
  *running_max = m;
  *running_sum = *running_sum * factor + static_cast<float>(sum);
  return factor;
}

void gradient_row(float* p, float* ds, int64_t low, int64_t high, int64_t n, float softcap,
                  float lse, float delta) {
  for (int64_t i = 0; i < n; ++i) {
    if (i < low || i >= high) {
      p[i] = ds[i] = 0;
      continue;
    }
    const float u = softcap > 0 ? std::tanh(p[i] / softcap) : 0.0f;
    p[i] = std::exp((softcap > 0 ? softcap * u : p[i]) - lse);
    ds[i] = p[i] * (ds[i] - delta) * (1.0f - u * u);
  }
}

void scale_n(float* y, const float* x, float factor, int64_t n, Output output) {
  for (int64_t i = 0; i < n; ++i) y[i] = (output == Output::add ? y[i] : 0.0f) + x[i] * factor;
}

float dot_n(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{a[i]} * double{b[i]};
  return static_cast<float>(sum);
}

TrainPasses train_passes() { return {softmax_row, gradient_row, scale_n, dot_n}; }

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/attention_train_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
namespace {

int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }
int64_t padded(int64_t n) { return (n + 31) / 32 * 32; }  // whole panels of any version

void check(const AttentionTrain& a) {
  CHECK(a.q.n == a.n_sequences * a.n_tokens && a.k.n == a.q.n && a.v.n == a.q.n);
  CHECK(a.q.n_heads % a.k.n_heads == 0 && a.k.n_heads == a.v.n_heads);
  CHECK(a.q.width == a.k.width && a.q.width <= gemm_k_block && a.v.width <= gemm_k_block);
}

// Floats of scratch, handed out in aligned pieces.
struct Arena {
  float* next;
  float* take(int64_t n) { return std::exchange(next, next + (n + 15) / 16 * 16); }
};

// One sequence and one kv head: what all tiles of it share.
struct Unit {
  const AttentionTrain& attention;
  GemmBlocks blocks;
  TrainPasses passes;
  int64_t first_row;  // of the sequence in q, k, v
  int64_t head;       // kv head
  int64_t n_group, k_width, v_width, panel;

  Unit(const AttentionTrain& a, int64_t sequence, int64_t kv_head)
      : attention(a),
        blocks(gemm_blocks()),
        passes(KERNEL_VERSION(train_passes)()),
        first_row(sequence * a.n_tokens),
        head(kv_head),
        n_group(a.q.n_heads / a.k.n_heads),
        k_width(a.k.width),
        v_width(a.v.width),
        panel(blocks.panel_n) {}

  // Rows [0, n) of x become the columns of a packed matrix (width, n): products with it are
  // x · ...ᵀ.
  void pack_transposed(float* to, const Heads<const float>& x, int64_t n) const {
    for (int64_t s = 0; s < n; s += panel)
      blocks.pack_columns(to + s * x.width, x.head(first_row + s, head), x.stride,
                          std::min(panel, n - s), x.width);
  }
  // n lines of `width` floats become a packed matrix (n, width).
  void pack_straight(float* to, const float* lines, int64_t stride, int64_t n,
                     int64_t width) const {
    for (int64_t e = 0; e < width; e += panel)
      blocks.pack_rows(to + e * n, lines + e, stride, std::min(panel, width - e), n);
  }
  // Rows [begin, begin + n) of a query head, times factor, in the layout of A's rows.
  void copy_rows(float* to, const Heads<const float>& x, int64_t h, int64_t begin, int64_t n,
                 float factor) const {
    for (int64_t i = 0; i < n; ++i)
      passes.scale(to + i * gemm_a_stride, x.head(first_row + begin + i, h), factor, x.width,
                   Output::write);
  }
  // Keys of block [k0, k0 + n) that row t sees, relative to k0.
  std::pair<int64_t, int64_t> visible(int64_t t, int64_t k0, int64_t n) const {
    const Visible seen = visible_positions(attention.options, t, attention.n_tokens);
    const int64_t low = std::clamp<int64_t>(seen.begin - k0, 0, n);
    return {low, std::max(low, std::clamp<int64_t>(seen.end - k0, 0, n))};
  }
  // Keys that rows [begin, begin + n) see anything of, from the start of a block on.
  Visible visible_to(int64_t begin, int64_t n) const {
    const Visible first = visible_positions(attention.options, begin, attention.n_tokens);
    const Visible last = visible_positions(attention.options, begin + n - 1, attention.n_tokens);
    return {first.begin / key_block * key_block, last.end};
  }
  // c (m, n) = A · B with A in rows, n columns of B from panels with k lines each.
  void product(float* c, int64_t c_stride, const float* a, const float* b, int64_t b_step,
               int64_t m, int64_t n, int64_t k, Output output) const {
    blocks.multiply_rows({m, n, k, a, 0, 0, b, b_step, c, c_stride, nullptr, output});
  }
  // c (m, n) += Aᵀ · B with A (k, m) a tile in the layout of rows.
  void product_transposed(float* c, int64_t c_stride, const float* a, const float* b,
                          int64_t b_step, int64_t m, int64_t n, int64_t k) const {
    blocks.multiply_columns(
        {m, n, k, a, gemm_a_stride, blocks.panel_m, b, b_step, c, c_stride, nullptr, Output::add});
  }
};

struct ForwardBuffers {
  float *k, *v;          // packed: (E, T) and (T, Ev)
  float *q, *scores;     // (row_block, gemm_a_stride)
  float* sums;           // (row_block, Ev)
  float *maximum, *sum;  // (row_block)
};

// Rows [begin, begin + n) of query head h against all keys they see.
void forward_rows(const Unit& unit, const ForwardBuffers& to, int64_t n_keys, int64_t h,
                  int64_t begin, int64_t n, Heads<float> out, View<float, 2> lse) {
  const int64_t k_width = unit.k_width, width = unit.v_width;
  const AttentionOptions& options = unit.attention.options;
  unit.copy_rows(to.q, unit.attention.q, h, begin, n, options.scale);
  std::fill_n(to.sums, n * width, 0.0f);
  const bool sink = options.sinks != nullptr;
  std::fill_n(to.maximum, n, sink ? options.sinks[h] : -std::numeric_limits<float>::infinity());
  std::fill_n(to.sum, n, sink ? 1.0f : 0.0f);
  const Visible seen = unit.visible_to(begin, n);
  for (int64_t k0 = seen.begin; k0 < seen.end; k0 += key_block) {
    const int64_t keys = std::min(key_block, seen.end - k0);
    unit.product(to.scores, gemm_a_stride, to.q, to.k + k0 * k_width, unit.panel * k_width, n, keys,
                 k_width, Output::write);
    for (int64_t i = 0; i < n; ++i) {
      const auto [low, high] = unit.visible(begin + i, k0, keys);
      float* row = to.scores + i * gemm_a_stride;
      if (low == high) {
        std::fill_n(row, keys, 0.0f);
        continue;
      }
      const float factor = unit.passes.softmax_row(row, low, high, keys, options.softcap,
                                                   to.maximum + i, to.sum + i);
      float* sums = to.sums + i * width;
      unit.passes.scale(sums, sums, factor, width, Output::write);
    }
    unit.product(to.sums, width, to.scores, to.v + k0 * unit.panel, n_keys * unit.panel, n, width,
                 keys, Output::add);
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = unit.first_row + begin + i;
    unit.passes.scale(out.head(row, h), to.sums + i * width, 1.0f / to.sum[i], width,
                      Output::write);
    lse(row, h) = to.maximum[i] + std::log(to.sum[i]);
  }
}

struct BackwardBuffers {
  float *k_columns, *v_columns;  // packed (E, T), (Ev, T)
  float* k_rows;                 // packed (T, E)
  float *dk, *dv;                // (T, E), (T, Ev), summed over the query heads
  float *q, *dout;               // (row_block, gemm_a_stride)
  float *q_rows, *dout_rows;     // packed (row_block, E), (row_block, Ev)
  float *p, *ds;                 // (row_block, gemm_a_stride)
  float* dq;                     // (row_block, E)
  float* delta;                  // (row_block)
};

// What rows [begin, begin + n) of query head h add to dk and dv, and their dq.
void backward_rows(const Unit& unit, const BackwardBuffers& to, int64_t h, int64_t begin, int64_t n,
                   const AttentionGradients& gradients, Heads<const float> dout,
                   Heads<const float> out, View<const float, 2> lse) {
  const AttentionTrain& attention = unit.attention;
  const int64_t k_width = unit.k_width, v_width = unit.v_width, panel = unit.panel,
                n_keys = attention.n_tokens;
  const AttentionOptions& options = attention.options;
  unit.copy_rows(to.q, attention.q, h, begin, n, options.scale);
  unit.copy_rows(to.dout, dout, h, begin, n, 1.0f);
  unit.pack_straight(to.q_rows, to.q, gemm_a_stride, n, k_width);
  unit.pack_straight(to.dout_rows, to.dout, gemm_a_stride, n, v_width);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = unit.first_row + begin + i;
    to.delta[i] = unit.passes.dot(dout.head(row, h), out.head(row, h), v_width);
  }
  std::fill_n(to.dq, n * k_width, 0.0f);
  const Visible seen = unit.visible_to(begin, n);
  for (int64_t k0 = seen.begin; k0 < seen.end; k0 += key_block) {
    const int64_t keys = std::min(key_block, seen.end - k0);
    unit.product(to.p, gemm_a_stride, to.q, to.k_columns + k0 * k_width, panel * k_width, n, keys,
                 k_width, Output::write);
    unit.product(to.ds, gemm_a_stride, to.dout, to.v_columns + k0 * v_width, panel * v_width, n,
                 keys, v_width, Output::write);
    for (int64_t i = 0; i < n; ++i) {
      const auto [low, high] = unit.visible(begin + i, k0, keys);
      unit.passes.gradient_row(to.p + i * gemm_a_stride, to.ds + i * gemm_a_stride, low, high, keys,
                               options.softcap, lse(unit.first_row + begin + i, h), to.delta[i]);
    }
    unit.product(to.dq, k_width, to.ds, to.k_rows + k0 * panel, n_keys * panel, n, k_width, keys,
                 Output::add);
    unit.product_transposed(to.dk + k0 * k_width, k_width, to.ds, to.q_rows, n * panel, keys,
                            k_width, n);
    unit.product_transposed(to.dv + k0 * v_width, v_width, to.p, to.dout_rows, n * panel, keys,
                            v_width, n);
  }
  for (int64_t i = 0; i < n; ++i)
    unit.passes.scale(gradients.dq.head(unit.first_row + begin + i, h), to.dq + i * k_width,
                      options.scale, k_width, gradients.output);
}

}  // namespace

int64_t attention_forward_tiles(const AttentionTrain& a) {
  return a.n_sequences * a.k.n_heads * divide_up(a.n_tokens, tile_rows);
}

void attention_forward_tile(const AttentionTrain& a, Heads<float> out, View<float, 2> lse,
                            int64_t tile, Scratch scratch) {
  check(a);
  CHECK(out.n == a.q.n && out.n_heads == a.q.n_heads && out.width == a.v.width);
  CHECK(lse.dim(0) == a.q.n && lse.dim(1) == a.q.n_heads);
  CHECK(tile >= 0 && tile < attention_forward_tiles(a));
  CHECK(scratch.size() >= attention_train_scratch_bytes(a));
  const int64_t n_row_tiles = divide_up(a.n_tokens, tile_rows), unit_index = tile / n_row_tiles;
  const Unit unit(a, unit_index / a.k.n_heads, unit_index % a.k.n_heads);
  const int64_t begin = tile % n_row_tiles * tile_rows;
  const int64_t end = std::min(begin + tile_rows, a.n_tokens);
  Arena arena{reinterpret_cast<float*>(scratch.data())};
  const int64_t all = padded(a.n_tokens), rows = row_block * gemm_a_stride;
  const ForwardBuffers buffers{arena.take(all * padded(unit.k_width)),
                               arena.take(all * padded(unit.v_width)),
                               arena.take(rows),
                               arena.take(rows),
                               arena.take(row_block * unit.v_width),
                               arena.take(row_block),
                               arena.take(row_block)};
  const int64_t n_keys = unit.visible_to(begin, end - begin).end;
  unit.pack_transposed(buffers.k, a.k, n_keys);
  unit.pack_straight(buffers.v, a.v.head(unit.first_row, unit.head), a.v.stride, n_keys,
                     unit.v_width);
  for (int64_t h = unit.head * unit.n_group; h < (unit.head + 1) * unit.n_group; ++h)
    for (int64_t t = begin; t < end; t += row_block)
      forward_rows(unit, buffers, n_keys, h, t, std::min(row_block, end - t), out, lse);
}

int64_t attention_backward_tiles(const AttentionTrain& a) { return a.n_sequences * a.k.n_heads; }

void attention_backward_tile(const AttentionTrain& a, const AttentionGradients& gradients,
                             Heads<const float> dout, Heads<const float> out,
                             View<const float, 2> lse, int64_t tile, Scratch scratch) {
  check(a);
  CHECK(same_shape(dout, out) && out.n == a.q.n && out.n_heads == a.q.n_heads);
  CHECK(out.width == a.v.width && same_shape(gradients.dq, a.q));
  CHECK(same_shape(gradients.dk, a.k) && same_shape(gradients.dv, a.v));
  CHECK(lse.dim(0) == a.q.n && lse.dim(1) == a.q.n_heads);
  CHECK(tile >= 0 && tile < attention_backward_tiles(a));
  CHECK(scratch.size() >= attention_train_scratch_bytes(a));
  const Unit unit(a, tile / a.k.n_heads, tile % a.k.n_heads);
  const int64_t n = a.n_tokens, k_width = unit.k_width, v_width = unit.v_width;
  Arena arena{reinterpret_cast<float*>(scratch.data())};
  const int64_t all_k = padded(n) * padded(k_width), all_v = padded(n) * padded(v_width);
  const int64_t rows = row_block * gemm_a_stride;
  const BackwardBuffers buffers{.k_columns = arena.take(all_k),
                                .v_columns = arena.take(all_v),
                                .k_rows = arena.take(all_k),
                                .dk = arena.take(n * k_width),
                                .dv = arena.take(n * v_width),
                                .q = arena.take(rows),
                                .dout = arena.take(rows),
                                .q_rows = arena.take(row_block * padded(k_width)),
                                .dout_rows = arena.take(row_block * padded(v_width)),
                                .p = arena.take(rows),
                                .ds = arena.take(rows),
                                .dq = arena.take(row_block * k_width),
                                .delta = arena.take(row_block)};
  unit.pack_transposed(buffers.k_columns, a.k, n);
  unit.pack_transposed(buffers.v_columns, a.v, n);
  unit.pack_straight(buffers.k_rows, a.k.head(unit.first_row, unit.head), a.k.stride, n, k_width);
  std::fill_n(buffers.dk, n * k_width, 0.0f);
  std::fill_n(buffers.dv, n * v_width, 0.0f);
  for (int64_t h = unit.head * unit.n_group; h < (unit.head + 1) * unit.n_group; ++h)
    for (int64_t t = 0; t < n; t += row_block)
      backward_rows(unit, buffers, h, t, std::min(row_block, n - t), gradients, dout, out, lse);
  for (int64_t t = 0; t < n; ++t) {
    const int64_t row = unit.first_row + t;
    unit.passes.scale(gradients.dk.head(row, unit.head), buffers.dk + t * k_width, 1.0f, k_width,
                      gradients.output);
    unit.passes.scale(gradients.dv.head(row, unit.head), buffers.dv + t * v_width, 1.0f, v_width,
                      gradients.output);
  }
}

size_t attention_train_scratch_bytes(const AttentionTrain& a) {
  const int64_t width = std::max(padded(a.k.width), padded(a.v.width));
  const int64_t whole = padded(a.n_tokens) * width;
  const int64_t n =
      5 * whole + 4 * row_block * gemm_a_stride + 4 * row_block * width + 4 * row_block + 16 * 16;
  return static_cast<size_t>(n) * sizeof(float);
}

}  // namespace quire
