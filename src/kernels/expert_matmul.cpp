#include "kernels/expert_matmul.h"

#include "kernels/elementwise.h"
#include "kernels/matmul.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

// Rows of an expert that are multiplied together: as many as the fast product takes in a tile.
constexpr int64_t block_rows = 512;
// Outputs of a tile: with block_rows their results are half of a second-level cache.
constexpr int64_t tile_n_max = 256;
constexpr int64_t tile_n_least = 32;  // a panel of the fast product
// Weights of a tile, as in matmul_fast.cpp: a tile starts on memory that nobody has prefetched.
constexpr int64_t tile_bytes = 256 * 1024;

int64_t divide_up(int64_t n, int64_t d) { return (n + d - 1) / d; }

int64_t row_bytes_of(RowFormat format, int64_t width) {
  return format == RowFormat::f32 ? width * 4 : quantized_rows_bytes(format, 1, width);
}

// Places that are multiplied together. Rounded rows of a block are a matrix of their own.
struct Block {
  int64_t begin = 0, end = 0;
};
Block block_at(const ExpertGroups& groups, int64_t expert, int64_t begin) {
  return {begin, std::min(begin + block_rows, groups.end(expert))};
}
Block block_of_pair(const ExpertGroups& groups, int64_t pair) {
  const int64_t expert = groups.expert(pair), first = groups.begin(expert);
  const int64_t i = (groups.place(pair) - first) / block_rows;
  return block_at(groups, expert, first + i * block_rows);
}

QuantizedRows quantized_of(const ExpertRows& rows, const Block& block) {
  return {rows.format, block.end - block.begin, rows.width,
          rows.data + block.begin * row_bytes_of(rows.format, rows.width)};
}
float* f32_row(const ExpertRows& rows, int64_t place) {
  return reinterpret_cast<float*>(rows.data) + place * rows.width;
}

// One row of x to the place of one of its pairs.
void place_row(const ExpertRows& to, int64_t pair, const float* x) {
  const int64_t place = to.groups->place(pair);
  if (to.format == RowFormat::f32) {
    std::copy_n(x, to.width, f32_row(to, place));
    return;
  }
  const Block block = block_of_pair(*to.groups, pair);
  quantize_row(quantized_of(to, block), place - block.begin, x);
}

// What was placed for pair `from` is also right for pair `to`.
void copy_row(const ExpertRows& rows, int64_t from, int64_t to) {
  const ExpertGroups& groups = *rows.groups;
  const Block source = block_of_pair(groups, from), target = block_of_pair(groups, to);
  const QuantizedRows a = quantized_of(rows, source), b = quantized_of(rows, target);
  for (int64_t c = 0; c < a.n_chunks(); ++c)
    std::memcpy(b.chunks<Q8Chunk>(c) + (groups.place(to) - target.begin),
                a.chunks<Q8Chunk>(c) + (groups.place(from) - source.begin), sizeof(Q8Chunk));
}

}  // namespace

void ExpertGroups::reserve(int64_t n_pairs, int64_t n_experts) {
  order_.reserve(static_cast<size_t>(n_pairs));
  place_.reserve(static_cast<size_t>(n_pairs));
  expert_.reserve(static_cast<size_t>(n_pairs));
  begin_.reserve(static_cast<size_t>(n_experts) + 1);
  active_.reserve(static_cast<size_t>(n_experts));
}

void ExpertGroups::group_by_expert(Rows<const float> experts, int64_t n_experts) {
  const auto n_pairs = static_cast<size_t>(experts.n * experts.width);
  n_used_ = experts.width;
  order_.resize(n_pairs);
  place_.resize(n_pairs);
  expert_.resize(n_pairs);
  begin_.assign(static_cast<size_t>(n_experts) + 1, 0);
  active_.clear();
  for (size_t pair = 0; pair < n_pairs; ++pair) {
    const auto i = static_cast<int64_t>(pair);
    const float id = experts.row(i / n_used_)[i % n_used_];
    CHECK(id >= 0 && id < static_cast<float>(n_experts));
    expert_[pair] = static_cast<int32_t>(id);
    ++begin_[static_cast<size_t>(expert_[pair]) + 1];
  }
  for (size_t e = 0; e < static_cast<size_t>(n_experts); ++e) {
    CHECK(begin_[e + 1] <= experts.n);
    if (begin_[e + 1] > 0) active_.push_back(static_cast<int32_t>(e));
    begin_[e + 1] += begin_[e];
  }
  for (size_t pair = 0; pair < n_pairs; ++pair) {
    int32_t& next = begin_[static_cast<size_t>(expert_[pair])];
    place_[pair] = next;
    order_[static_cast<size_t>(next++)] = static_cast<int32_t>(pair);
  }
  // Every begin stands at its group's end now: move them one on.
  for (size_t e = static_cast<size_t>(n_experts); e > 0; --e) begin_[e] = begin_[e - 1];
  begin_[0] = 0;
}

RowFormat expert_row_format(DType weights, Precision precision) {
  const RowFormat format = row_format(weights, precision);
  return format == RowFormat::q14_32 ? RowFormat::f32 : format;
}

int64_t expert_rows_bytes(RowFormat format, int64_t n_pairs, int64_t width) {
  return n_pairs * row_bytes_of(format, width);
}

void place_expert_rows(const ExpertRows& to, Rows<const float> x, int64_t begin, int64_t end) {
  const int64_t K = to.groups->n_used();
  CHECK(x.n * K == to.groups->n_pairs() && begin >= 0 && end <= x.n);
  CHECK(x.width == to.width || x.width == K * to.width);
  const bool own_rows = x.width != to.width;
  for (int64_t t = begin; t < end; ++t)
    for (int64_t k = 0; k < K; ++k) {
      if (own_rows || k == 0 || to.format == RowFormat::f32)
        place_row(to, t * K + k, x.row(t) + (own_rows ? k * to.width : 0));
      else
        copy_row(to, t * K, t * K + k);
    }
}

ExpertPlan expert_plan(const ExpertMatmul& matmul, int64_t n_used, int n_threads) {
  const TensorView& w = matmul.w;
  CHECK(w.shape.rank == 3 && n_threads >= 1 && n_used >= 1);
  CHECK(matmul.x.width == w.shape[2] && matmul.y.width == w.shape[1]);
  CHECK(matmul.y.n % n_used == 0);
  ExpertPlan plan;
  plan.matmul = matmul;
  const int64_t n = w.shape[1], n_active_max = std::min(w.shape[0], matmul.y.n);
  if (n_active_max == 0 || n == 0) return plan;
  const int64_t bytes = std::max<int64_t>(1, row_bytes(w.dtype, w.shape[2]));
  const int64_t even = n * n_active_max / (4 * n_threads);  // four tiles per thread at least
  const int64_t wanted = std::min(tile_bytes / bytes, even) / tile_n_least * tile_n_least;
  const int64_t most = std::clamp(wanted, tile_n_least, tile_n_max);
  const int64_t each = (n + divide_up(n, most) - 1) / divide_up(n, most);  // strips of equal size
  plan.tile_n = divide_up(each, tile_n_least) * tile_n_least;
  plan.n_strips = divide_up(n, plan.tile_n);
  plan.n_tiles = n_active_max * plan.n_strips;
  return plan;
}

size_t expert_scratch_bytes() {
  return (matmul_scratch_bytes() + 63) / 64 * 64 +
         static_cast<size_t>(block_rows * tile_n_max) * sizeof(float);
}

void expert_tile(const ExpertPlan& plan, int64_t tile, Scratch scratch) {
  CHECK(tile >= 0 && tile < plan.n_tiles && scratch.size() >= expert_scratch_bytes());
  const ExpertMatmul& matmul = plan.matmul;
  const ExpertGroups& groups = *matmul.x.groups;
  CHECK(groups.n_pairs() == matmul.y.n);
  if (tile / plan.n_strips >= groups.n_active()) return;
  const int64_t expert = groups.active(tile / plan.n_strips);
  const int64_t n0 = tile % plan.n_strips * plan.tile_n;
  const int64_t n = std::min(plan.tile_n, matmul.w.shape[1] - n0);
  const int64_t width = matmul.x.width;
  const TensorView w{matmul.w.dtype, {n, width}, matmul.w.row(expert * matmul.w.shape[1] + n0)};
  const float* bias =
      matmul.bias == nullptr ? nullptr : matmul.bias + expert * matmul.w.shape[1] + n0;
  auto* results = reinterpret_cast<float*>(scratch.data());
  const Scratch rest =
      scratch.subspan(static_cast<size_t>(block_rows * tile_n_max) * sizeof(float));

  for (int64_t at = groups.begin(expert); at < groups.end(expert); at += block_rows) {
    const Block block = block_at(groups, expert, at);
    const int64_t m = block.end - block.begin;
    Matmul part;
    part.w = w;
    part.bias = bias;
    if (matmul.x.format == RowFormat::f32) {
      part.x = Rows<const float>(f32_row(matmul.x, at), m, width);
    } else {
      part.quantized = quantized_of(matmul.x, block);
      part.x = Rows<const float>(nullptr, m, width);
    }
    float* alone = matmul.y.row(groups.pair(at)) + n0;  // one row needs no detour
    part.y = Rows<float>(m == 1 ? alone : results, m, n);
    MatmulPlan product = matmul_plan(part);
    if (matmul.x.format != RowFormat::f32) {  // in one go: every tile starts on cold memory
      product.fast.tile_t = m;
      product.fast.tile_n = plan.tile_n;
      product.fast.n_tiles_n = product.fast.n_tiles = product.n_tiles = 1;
    }
    for (int64_t i = 0; i < product.n_tiles; ++i) matmul_tile(product, i, rest);
    for (int64_t i = 0; m > 1 && i < m; ++i)
      std::copy_n(results + i * n, n, matmul.y.row(groups.pair(at + i)) + n0);
  }
}

void expert_sum(Rows<float> y, Rows<const float> x, Rows<const float> weights) {
  CHECK(x.n == y.n && weights.n == y.n && x.width == y.width * weights.width);
  for (int64_t t = 0; t < y.n; ++t) {
    const Rows<float> to = y.part(t, t + 1);
    for (int64_t k = 0; k < weights.width; ++k) {
      const Rows<const float> from = x.part(t, t + 1).columns(k * y.width, (k + 1) * y.width);
      if (k == 0)
        scale(to, from, weights.row(t)[k]);
      else
        add_scaled(to, from, weights.row(t)[k]);
    }
  }
}

}  // namespace quire
