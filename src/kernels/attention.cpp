// Keys and values pass in chunks of positions; a chunk is decoded once and meets all queries of its
// kv head that see it. Chunks start at multiples of score_chunk inside a block of the cache, so
// that a query's sums are cut at the same places whichever rows come with it.
#include "kernels/attention.h"

#include "kernels/simd_math.h"
#include "quant/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace quire {
namespace {

constexpr int64_t score_chunk = 64;  // positions; 64 keys of 128 floats fill L1
constexpr int64_t queries_max = 32;  // queries per pass over the cache, unless one row has more

struct AttentionPasses {
  // scores[j * score_chunk + s] = q[j] · k[s] for n_q queries and n_k keys, all of `width`
  // consecutive floats.
  void (*score)(float* scores, const float* q, int64_t n_q, const float* k, int64_t n_k,
                int64_t width);
  // Scores become probabilities relative to the running maximum; returns the factor for what was
  // summed before.
  float (*online_softmax)(float* scores, int64_t n, float softcap, float* running_max,
                          float* running_sum);
  // out[e] = out[e] * factor + sum_s p[s] v[s, e]
  void (*weighted_sum)(float* out, const float* p, const float* v, int64_t n, int64_t width,
                       float factor);
  void (*scale)(float* y, const float* x, float factor, int64_t n);
};

}  // namespace

namespace portable {
namespace {

void score(float* scores, const float* q, int64_t n_q, const float* k, int64_t n_k, int64_t width) {
  for (int64_t j = 0; j < n_q; ++j)
    for (int64_t s = 0; s < n_k; ++s) {
      double sum = 0;
      for (int64_t e = 0; e < width; ++e)
        sum += double{q[j * width + e]} * double{k[s * width + e]};
      scores[j * score_chunk + s] = static_cast<float>(sum);
    }
}

float online_softmax(float* scores, int64_t n, float softcap, float* running_max,
                     float* running_sum) {
  float m = *running_max;
  for (int64_t i = 0; i < n; ++i) {
    if (softcap > 0) scores[i] = softcap * std::tanh(scores[i] / softcap);
    m = scores[i] > m ? scores[i] : m;
  }
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double{scores[i] = std::exp(scores[i] - m)};
  const float factor = std::exp(*running_max - m);
  *running_max = m;
  *running_sum = *running_sum * factor + static_cast<float>(sum);
  return factor;
}

void weighted_sum(float* out, const float* p, const float* v, int64_t n, int64_t width,
                  float factor) {
  for (int64_t e = 0; e < width; ++e) out[e] *= factor;
  for (int64_t s = 0; s < n; ++s)
    for (int64_t e = 0; e < width; ++e) out[e] += p[s] * v[s * width + e];
}

void scale(float* y, const float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor;
}

AttentionPasses attention_passes() { return {score, online_softmax, weighted_sum, scale}; }

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/attention_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
namespace {

void check_pages(const KvPages& pages) {
  CHECK(codec(pages.dtype) != nullptr && pages.width % info(pages.dtype).block_size == 0);
  CHECK(pages.block_size > 0 && pages.n_heads > 0 && pages.width > 0);
  CHECK(pages.block_stride >=
        kv_block_bytes(pages.dtype, pages.n_heads, pages.block_size, pages.width));
}

// Byte offset of one position's row of one head inside the pools.
int64_t row_offset(const KvPages& pages, int64_t head, int64_t position) {
  const int64_t block = position / pages.block_size;
  const int64_t row = head * pages.block_size + position % pages.block_size;
  return pages.blocks[static_cast<size_t>(block)] * pages.block_stride +
         row * row_bytes(pages.dtype, pages.width);
}

int64_t rows_per_pass(int64_t n_group) { return std::max<int64_t>(1, queries_max / n_group); }

// The parts of a thread's scratch for n_q queries.
struct Buffers {
  float *q, *sums, *scores;          // (n_q, E), (n_q, E), (n_q, score_chunk)
  float *running_max, *running_sum;  // (n_q)
  float *k, *v;                      // (score_chunk, E), decoded
};
Buffers cut(Scratch scratch, int64_t n_q, int64_t width) {
  float* p = reinterpret_cast<float*>(scratch.data());
  const auto take = [&](int64_t n) { return std::exchange(p, p + (n + 15) / 16 * 16); };
  return {take(n_q * width), take(n_q * width),         take(n_q * score_chunk),  take(n_q),
          take(n_q),         take(score_chunk * width), take(score_chunk * width)};
}

// One pass over the cache for a few rows, all query heads of kv head `head`.
struct Pass {
  const KvPages& pages;
  const AttentionOptions& options;
  const AttentionPasses& kernels;
  const Codec& source;
  const int32_t* positions;
  int64_t n_rows, n_group, head;
  Buffers buffers;

  // First visible position of row t; the last is positions[t].
  int64_t first(int64_t t) const {
    return options.window > 0 ? std::max<int64_t>(0, positions[t] - options.window + 1) : 0;
  }
  // n consecutive keys or values from `position` on, inside one block.
  const float* floats(const std::byte* pool, float* decoded, int64_t position, int64_t n) const {
    const std::byte* rows = pool + row_offset(pages, head, position);
    if (pages.dtype == DType::f32) return reinterpret_cast<const float*>(rows);
    source.decode(rows, decoded, n * pages.width);
    return decoded;
  }

  void chunk(int64_t begin, int64_t end) const {
    const int64_t width = pages.width, n = end - begin;
    const float* k = floats(pages.k, buffers.k, begin, n);
    const float* v = floats(pages.v, buffers.v, begin, n);
    kernels.score(buffers.scores, buffers.q, n_rows * n_group, k, n, width);
    for (int64_t t = 0; t < n_rows; ++t) {
      const int64_t low = std::max(begin, first(t));
      const int64_t high = std::min<int64_t>(end, positions[t] + 1);
      if (low >= high) continue;
      for (int64_t j = t * n_group; j < (t + 1) * n_group; ++j) {
        float* p = buffers.scores + j * score_chunk + (low - begin);
        const float factor = kernels.online_softmax(
            p, high - low, options.softcap, buffers.running_max + j, buffers.running_sum + j);
        kernels.weighted_sum(buffers.sums + j * width, p, v + (low - begin) * width, high - low,
                             width, factor);
      }
    }
  }

  void run() const {
    int64_t low = std::numeric_limits<int64_t>::max(), high = 0;
    for (int64_t t = 0; t < n_rows; ++t) {
      low = std::min(low, first(t));
      high = std::max<int64_t>(high, positions[t] + 1);
    }
    for (int64_t block = low / pages.block_size; block * pages.block_size < high; ++block) {
      const int64_t block_begin = block * pages.block_size;
      const int64_t block_end = std::min(block_begin + pages.block_size, high);
      for (int64_t begin = block_begin; begin < block_end; begin += score_chunk) {
        const int64_t end = std::min(begin + score_chunk, block_end);
        if (end > low) chunk(begin, end);
      }
    }
  }
};

}  // namespace

int64_t kv_block_bytes(DType dtype, int64_t n_heads, int64_t block_size, int64_t width) {
  return n_heads * block_size * row_bytes(dtype, width);
}

void kv_store(const KvPages& pages, Heads<const float> k, Heads<const float> v,
              View<const int32_t, 1> positions) {
  check_pages(pages);
  CHECK(same_shape(k, v) && k.n == positions.dim(0));
  CHECK(k.n_heads == pages.n_heads && k.width == pages.width);
  const int64_t n_positions = static_cast<int64_t>(pages.blocks.size()) * pages.block_size;
  const Codec& to = *codec(pages.dtype);
  for (int64_t t = 0; t < k.n; ++t) {
    CHECK(positions(t) >= 0 && positions(t) < n_positions);
    for (int64_t g = 0; g < pages.n_heads; ++g) {
      const int64_t offset = row_offset(pages, g, positions(t));
      to.encode(k.head(t, g), pages.k + offset, pages.width);
      to.encode(v.head(t, g), pages.v + offset, pages.width);
    }
  }
}

size_t attention_scratch_bytes(int64_t n_group, int64_t width) {
  const int64_t n_q = rows_per_pass(n_group) * n_group;
  const int64_t n = n_q * (2 * width + score_chunk + 2) + 2 * score_chunk * width + 7 * 16;
  return static_cast<size_t>(n) * sizeof(float);
}

void attention(Heads<float> out, Heads<const float> q, const KvPages& pages,
               View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
               Scratch scratch) {
  check_pages(pages);
  CHECK(same_shape(out, q) && q.n == positions.dim(0) && q.width == pages.width);
  CHECK(q.n_heads % pages.n_heads == 0 && head >= 0 && head < pages.n_heads);
  const int64_t n_group = q.n_heads / pages.n_heads, width = q.width;
  CHECK(scratch.size() >= attention_scratch_bytes(n_group, width));
  const int64_t n_positions = static_cast<int64_t>(pages.blocks.size()) * pages.block_size;
  const AttentionPasses kernels = KERNEL_VERSION(attention_passes)();
  const int64_t rows = rows_per_pass(n_group);
  for (int64_t t0 = 0; t0 < q.n; t0 += rows) {
    const int64_t n_rows = std::min(rows, q.n - t0), n_q = n_rows * n_group;
    const Buffers buffers = cut(scratch, rows * n_group, width);
    for (int64_t t = 0; t < n_rows; ++t) {
      CHECK(positions(t0 + t) >= 0 && positions(t0 + t) < n_positions);
      kernels.scale(buffers.q + t * n_group * width, q.head(t0 + t, head * n_group), options.scale,
                    n_group * width);
    }
    std::fill_n(buffers.sums, n_q * width, 0.0f);
    std::fill_n(buffers.running_sum, n_q, 0.0f);
    std::fill_n(buffers.running_max, n_q, -std::numeric_limits<float>::infinity());
    Pass{pages,   options, kernels, *codec(pages.dtype), positions.data() + t0, n_rows,
         n_group, head,    buffers}
        .run();
    for (int64_t j = 0; j < n_q; ++j)
      kernels.scale(out.head(t0 + j / n_group, head * n_group + j % n_group),
                    buffers.sums + j * width, 1.0f / buffers.running_sum[j], width);
  }
}

}  // namespace quire
