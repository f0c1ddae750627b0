#include "kernels/attention.h"

#include "kernels/simd_math.h"
#include "quant/codec.h"
#include "quant/half.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace quire {
namespace {

constexpr int64_t score_stride = attention_chunk;
constexpr int64_t chunk_blocks = attention_chunk / kv_block_size;

// Memory that is wanted soon: while the keys of a chunk are multiplied, its
// values are asked for, a little with every pair; while these are added, the
// keys of the next chunk, a little with every position. So memory is busy all
// the time, and pages that lie apart arrive as steadily as consecutive ones.
// Into L2, of which a chunk fills a part, with less to wait for than L1 (twice
// the speed of none at all, or of asking for it in L1).
struct Ahead {
  const std::byte* begin = nullptr;
  int64_t step = 0;  // bytes at a time

  void touch(int64_t i) const {
    constexpr int read = 0, into_l2 = 2;
    for (int64_t at = 0; at < step; at += 64)
      __builtin_prefetch(begin + i * step + at, read, into_l2);
  }
};
constexpr Ahead nothing_ahead{};

struct AttentionPasses {
  // scores[j * score_stride + s] = q[j] · key s for the positions of one block;
  // q (n_q, 2 n_pairs), keys in pairs of type dtype.
  void (*score)(DType dtype, float* scores, const float* q, int64_t n_q, int64_t n_pairs,
                const std::byte* k, const Ahead& ahead);
  // Scores [low, high) become probabilities relative to their maximum, the
  // others of [begin, end) zero.
  void (*softmax)(float* scores, int64_t begin, int64_t low, int64_t high, int64_t end,
                  float softcap, float* maximum, float* total);
  // sums[j * stride + e] = sum of p[j, s] v[s, e] over s in [low, high) of a
  // chunk, whose blocks start at v[0], v[1], ...; ahead[b] goes with the
  // positions of block b
  void (*weigh)(DType dtype, float* sums, int64_t stride, const float* p, int64_t n_q,
                const std::byte* const* v, int64_t width, int64_t v_row_bytes, int64_t low,
                int64_t high, const Ahead* ahead);
  // sums and total, relative to maximum, get a part that is relative to its
  // own.
  void (*fold)(float* sums, float* maximum, float* total, const float* part, float part_maximum,
               float part_total, int64_t n);
  void (*scale)(float* y, const float* x, float factor, int64_t n);
};

}  // namespace

namespace portable {
namespace {

float element(DType dtype, const std::byte* p, int64_t i) {
  if (dtype == DType::f32) {
    float value;
    std::memcpy(&value, p + 4 * i, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, p + 2 * i, 2);
  return dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

void score(DType dtype, float* scores, const float* q, int64_t n_q, int64_t n_pairs,
           const std::byte* k, const Ahead&) {
  for (int64_t j = 0; j < n_q; ++j)
    for (int64_t s = 0; s < kv_block_size; ++s) {
      double sum = 0;
      for (int64_t e = 0; e < 2 * n_pairs; ++e)
        sum += double{q[j * 2 * n_pairs + e]} *
               double{element(dtype, k, (e / 2 * kv_block_size + s) * 2 + e % 2)};
      scores[j * score_stride + s] = static_cast<float>(sum);
    }
}

void softmax(float* scores, int64_t begin, int64_t low, int64_t high, int64_t end, float softcap,
             float* maximum, float* total) {
  float m = -std::numeric_limits<float>::infinity();
  for (int64_t s = low; s < high; ++s) {
    if (softcap > 0) scores[s] = softcap * std::tanh(scores[s] / softcap);
    m = scores[s] > m ? scores[s] : m;
  }
  double sum = 0;
  for (int64_t s = begin; s < end; ++s) {
    scores[s] = s < low || s >= high ? 0.0f : std::exp(scores[s] - m);
    sum += double{scores[s]};
  }
  *maximum = m;
  *total = static_cast<float>(sum);
}

void weigh(DType dtype, float* sums, int64_t stride, const float* p, int64_t n_q,
           const std::byte* const* v, int64_t width, int64_t v_row_bytes, int64_t low, int64_t high,
           const Ahead*) {
  for (int64_t j = 0; j < n_q; ++j) {
    for (int64_t e = 0; e < width; ++e) sums[j * stride + e] = 0;
    for (int64_t s = low; s < high; ++s) {
      const std::byte* row = v[s / kv_block_size] + s % kv_block_size * v_row_bytes;
      for (int64_t e = 0; e < width; ++e)
        sums[j * stride + e] += p[j * score_stride + s] * element(dtype, row, e);
    }
  }
}

void fold(float* sums, float* maximum, float* total, const float* part, float part_maximum,
          float part_total, int64_t n) {
  const float m = part_maximum > *maximum ? part_maximum : *maximum;
  const float old = std::exp(*maximum - m), now = std::exp(part_maximum - m);
  for (int64_t i = 0; i < n; ++i) sums[i] = sums[i] * old + part[i] * now;
  *maximum = m;
  *total = *total * old + part_total * now;
}

void scale(float* y, const float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor;
}

AttentionPasses attention_passes() { return {score, softmax, weigh, fold, scale}; }

}  // namespace
}  // namespace portable
}  // namespace quire

#define SIMD_FILE "kernels/attention_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {
namespace {

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t n_pairs_of(int64_t width) { return (width + 1) / 2; }

// The sums of one chunk for n_q queries.
struct Part {
  float *maximum,
      *total;   // (n_q); a total of 0 says that nothing of the chunk is seen
  float* sums;  // (n_q, stride)
  int64_t stride;
};
int64_t part_stride(int64_t v_width) { return round_up(v_width, 16); }
int64_t part_floats(int64_t n_q, int64_t v_width) {
  return 2 * round_up(n_q, 16) + n_q * part_stride(v_width);
}
Part part_at(float* memory, int64_t n_q, int64_t v_width) {
  const int64_t n = round_up(n_q, 16);
  return {memory, memory + n, memory + 2 * n, part_stride(v_width)};
}

int64_t rows_per_pass(int64_t n_group) {
  return std::max<int64_t>(1, attention_part_rows / n_group);
}

// A thread's scratch.
struct Buffers {
  float* q;          // (n_q, 2 ceil(E/2)), scaled
  float* scores;     // (n_q, score_stride)
  float* part;       // the sums of a chunk
  float* result;     // the sums so far, laid out as those of a chunk
  float* key_rows;   // (kv_block_size, E), of a block whose type needs decoding
  float* key_pairs;  // the same as pairs
  float* values;     // (attention_chunk, Ev), decoded
};
template <class Take>
Buffers cut(Take take, int64_t n_q, int64_t k_width, int64_t v_width) {
  const int64_t keys = 2 * n_pairs_of(k_width) * kv_block_size;
  return {.q = take(n_q * 2 * n_pairs_of(k_width)),
          .scores = take(n_q * score_stride),
          .part = take(part_floats(n_q, v_width)),
          .result = take(part_floats(n_q, v_width)),
          .key_rows = take(keys),
          .key_pairs = take(keys),
          .values = take(attention_chunk * v_width)};
}
Buffers cut(Scratch scratch, int64_t n_q, int64_t k_width, int64_t v_width) {
  float* p = reinterpret_cast<float*>(scratch.data());
  return cut([&](int64_t n) { return std::exchange(p, p + round_up(n, 16)); }, n_q, k_width,
             v_width);
}

// A few rows, all query heads of kv head `head`, against chunks of the cache.
class Pass {
 public:
  Pass(Heads<const float> q, const KvPages& pages, View<const int32_t, 1> positions, int64_t head,
       const AttentionOptions& options, Scratch scratch)
      : kernels_(KERNEL_VERSION(attention_passes)()),
        pages_(pages),
        positions_(positions),
        options_(options),
        head_(head),
        n_group_(q.n_heads / pages.n_heads),
        n_q_(q.n * n_group_),
        n_pairs_(n_pairs_of(pages.k.width)),
        to_(cut(scratch, n_q_, pages.k.width, pages.v.width)) {
    const int64_t n_positions = static_cast<int64_t>(pages.blocks.size()) * kv_block_size;
    const int64_t width = pages.k.width;
    seen_ = {std::numeric_limits<int64_t>::max(), 0};
    for (int64_t t = 0; t < q.n; ++t) {
      CHECK(positions(t) >= 0 && positions(t) < n_positions);
      CHECK(options.mask == AttentionMask::causal || positions(t) < pages.n_stored);
      const Visible row = visible(t);
      seen_ = {std::min(seen_.begin, row.begin), std::max(seen_.end, row.end)};
      for (int64_t i = 0; i < n_group_; ++i) {
        float* row_q = to_.q + (t * n_group_ + i) * 2 * n_pairs_;
        if (width % 2 != 0) row_q[width] = 0;
        kernels_.scale(row_q, q.head(t, head * n_group_ + i), options.scale, width);
      }
    }
  }

  // What any of the rows sees.
  Visible seen() const { return seen_; }
  const Buffers& buffers() const { return to_; }

  void chunk(int64_t index, const Part& part) const {
    const int64_t start = index * attention_chunk;
    const int64_t low = std::max<int64_t>(0, seen_.begin - start);
    const int64_t high = std::min(attention_chunk, seen_.end - start);
    const std::byte* v[chunk_blocks] = {};
    for (int64_t b = low / kv_block_size; b * kv_block_size < high; ++b) {
      const int64_t position = start + b * kv_block_size;
      v[b] = v_block(pages_, head_, position);
      kernels_.score(pair_type(), to_.scores + b * kv_block_size, to_.q, n_q_, n_pairs_,
                     pairs(position), values_ahead(v[b]));
    }
    for (int64_t j = 0; j < n_q_; ++j) {
      const Visible row = visible(j / n_group_);
      const int64_t row_low = std::clamp(row.begin - start, low, high);
      const int64_t row_high = std::clamp(row.end - start, row_low, high);
      float* p = to_.scores + j * score_stride;
      kernels_.softmax(p, low, row_low, row_high, high, options_.softcap, part.maximum + j,
                       part.total + j);
    }
    weigh(start, v, low, high, part);
  }

 private:
  Visible visible(int64_t t) const {
    return visible_positions(options_, positions_(t), pages_.n_stored);
  }
  DType pair_type() const { return kv_keys_in_pairs(pages_.k.dtype) ? pages_.k.dtype : DType::f32; }

  // The keys of the block at `position` in pairs.
  const std::byte* pairs(int64_t position) const {
    const std::byte* block = k_block(pages_, head_, position);
    if (kv_keys_in_pairs(pages_.k.dtype)) return block;
    const int64_t width = pages_.k.width;
    codec(pages_.k.dtype)->decode(block, to_.key_rows, kv_block_size * width);
    for (int64_t i = 0; i < n_pairs_; ++i)
      for (int64_t s = 0; s < kv_block_size; ++s)
        std::memcpy(to_.key_pairs + (i * kv_block_size + s) * 2, to_.key_rows + s * width + 2 * i,
                    8);
    return reinterpret_cast<const std::byte*>(to_.key_pairs);
  }

  // The values of a block, for each pair of its keys.
  Ahead values_ahead(const std::byte* values) const {
    return {values, kv_block_size * row_bytes(pages_.v.dtype, pages_.v.width) / n_pairs_};
  }
  // The keys of the block at `position`, for each of its positions.
  Ahead keys_ahead(int64_t position) const {
    if (position >= seen_.end) return nothing_ahead;
    return {k_block(pages_, head_, position), row_bytes(pages_.k.dtype, pages_.k.width)};
  }

  void weigh(int64_t start, const std::byte** v, int64_t low, int64_t high,
             const Part& part) const {
    const int64_t width = pages_.v.width;
    DType dtype = pages_.v.dtype;
    Ahead next[chunk_blocks];
    for (int64_t b = 0; b < chunk_blocks; ++b)
      next[b] = keys_ahead(start + attention_chunk + b * kv_block_size);
    if (!kv_keys_in_pairs(dtype)) {  // values are decoded like keys, only rows stay rows
      for (int64_t b = low / kv_block_size; b * kv_block_size < high; ++b) {
        float* rows = to_.values + b * kv_block_size * width;
        const int64_t n = std::min(kv_block_size, high - b * kv_block_size);
        codec(dtype)->decode(v[b], rows, n * width);
        v[b] = reinterpret_cast<const std::byte*>(rows);
      }
      dtype = DType::f32;
    }
    kernels_.weigh(dtype, part.sums, part.stride, to_.scores, n_q_, v, width,
                   row_bytes(dtype, width), low, high, next);
  }

  const AttentionPasses kernels_;
  const KvPages& pages_;
  const View<const int32_t, 1> positions_;
  const AttentionOptions& options_;
  const int64_t head_, n_group_, n_q_, n_pairs_;
  const Buffers to_;
  Visible seen_;
};

// The sums of no chunk.
void start(const Part& result, int64_t n_q, int64_t n_group, int64_t head,
           const AttentionOptions& options, int64_t v_width) {
  for (int64_t j = 0; j < n_q; ++j) {
    const bool sink = options.sinks != nullptr;
    result.maximum[j] = sink ? options.sinks[head * n_group + j % n_group]
                             : -std::numeric_limits<float>::infinity();
    result.total[j] = sink ? 1.0f : 0.0f;
    std::fill_n(result.sums + j * result.stride, v_width, 0.0f);
  }
}
void fold(const AttentionPasses& kernels, const Part& result, const Part& part, int64_t n_q,
          int64_t v_width) {
  for (int64_t j = 0; j < n_q; ++j)
    if (part.total[j] > 0)
      kernels.fold(result.sums + j * result.stride, result.maximum + j, result.total + j,
                   part.sums + j * part.stride, part.maximum[j], part.total[j], v_width);
}
void finish(const AttentionPasses& kernels, Heads<float> out, const Part& result, int64_t n_group,
            int64_t head) {
  for (int64_t j = 0; j < out.n * n_group; ++j)
    kernels.scale(out.head(j / n_group, head * n_group + j % n_group),
                  result.sums + j * result.stride, 1.0f / result.total[j], out.width);
}

void check_arguments(Heads<const float> q, const KvPages& pages, View<const int32_t, 1> positions,
                     int64_t head, Scratch scratch) {
  check_pages(pages);
  CHECK(q.n == positions.dim(0) && q.width == pages.k.width);
  CHECK(q.n_heads % pages.n_heads == 0 && head >= 0 && head < pages.n_heads);
  CHECK(scratch.size() >=
        attention_scratch_bytes(q.n_heads / pages.n_heads, pages.k.width, pages.v.width));
}

}  // namespace

size_t attention_scratch_bytes(int64_t n_group, int64_t k_width, int64_t v_width) {
  int64_t n = 0;
  const auto count = [&](int64_t floats) {
    n += round_up(floats, 16);
    return static_cast<float*>(nullptr);
  };
  cut(count, rows_per_pass(n_group) * n_group, k_width, v_width);
  return static_cast<size_t>(n) * sizeof(float);
}

void attention(Heads<float> out, Heads<const float> q, const KvPages& pages,
               View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
               Scratch scratch) {
  check_arguments(q, pages, positions, head, scratch);
  CHECK(out.n == q.n && out.n_heads == q.n_heads && out.width == pages.v.width);
  const AttentionPasses kernels = KERNEL_VERSION(attention_passes)();
  const int64_t n_group = q.n_heads / pages.n_heads, rows = rows_per_pass(n_group);
  for (int64_t t = 0; t < q.n; t += rows) {
    const int64_t end = std::min(q.n, t + rows), n_q = (end - t) * n_group;
    const View<const int32_t, 1> at(positions.data() + t, end - t);
    const Pass pass(q.part(t, end), pages, at, head, options, scratch);
    const Part part = part_at(pass.buffers().part, n_q, out.width);
    const Part result = part_at(pass.buffers().result, n_q, out.width);
    start(result, n_q, n_group, head, options, out.width);
    for (int64_t i = pass.seen().begin / attention_chunk; i * attention_chunk < pass.seen().end;
         ++i) {
      pass.chunk(i, part);
      fold(kernels, result, part, n_q, out.width);
    }
    finish(kernels, out.part(t, end), result, n_group, head);
  }
}

int64_t attention_part_floats(int64_t n_rows, int64_t n_group, int64_t v_width) {
  return part_floats(n_rows * n_group, v_width);
}

void attention_part(float* parts, Heads<const float> q, const KvPages& pages,
                    View<const int32_t, 1> positions, int64_t head, int64_t begin, int64_t end,
                    const AttentionOptions& options, Scratch scratch) {
  check_arguments(q, pages, positions, head, scratch);
  const int64_t n_group = q.n_heads / pages.n_heads;
  CHECK(q.n <= rows_per_pass(n_group));
  const Pass pass(q, pages, positions, head, options, scratch);
  CHECK(begin * attention_chunk >= pass.seen().begin / attention_chunk * attention_chunk &&
        (end - 1) * attention_chunk < pass.seen().end);
  const int64_t step = attention_part_floats(q.n, n_group, pages.v.width);
  for (int64_t i = begin; i < end; ++i)
    pass.chunk(i, part_at(parts + i * step, q.n * n_group, pages.v.width));
}

void attention_fold(Heads<float> out, const float* parts, int64_t n_kv_heads, int64_t head,
                    int64_t begin, int64_t end, const AttentionOptions& options) {
  // Sums of the queries are gathered in a few registers' worth of stack, head
  // by head.
  CHECK(out.n_heads % n_kv_heads == 0 && head >= 0 && head < n_kv_heads);
  const AttentionPasses kernels = KERNEL_VERSION(attention_passes)();
  const int64_t n_group = out.n_heads / n_kv_heads, n_q = out.n * n_group;
  const int64_t step = part_floats(n_q, out.width);
  for (int64_t j = 0; j < n_q; ++j) {
    float* sums = out.head(j / n_group, head * n_group + j % n_group);
    float maximum, total;
    const Part result{&maximum, &total, sums, out.width};
    AttentionOptions one = options;
    if (one.sinks != nullptr) one.sinks += head * n_group + j % n_group;
    start(result, 1, 1, 0, one, out.width);
    for (int64_t i = begin; i < end; ++i) {
      const Part all = part_at(const_cast<float*>(parts) + i * step, n_q, out.width);
      fold(kernels, result, {all.maximum + j, all.total + j, all.sums + j * all.stride, all.stride},
           1, out.width);
    }
    kernels.scale(sums, sums, 1.0f / total, out.width);
  }
}

}  // namespace quire
