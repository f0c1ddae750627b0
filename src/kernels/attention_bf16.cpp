// A chunk of positions passes in three steps: scores of all queries, block by
// block, with the keys of a block as they lie in the cache (pairs of elements,
// positions side by side); softmax, row by row, in registers; sums of values,
// which are laid as pairs of positions first.
//
// Register blocks of both products: 8 queries by 2 vectors, 16 running sums for
// a latency of 6 and one product per cycle (Zen 4), and 10 loads for 16
// products.
#include "kernels/attention_bf16.h"

#include "kernels/simd_math.h"
#include "quant/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace quire {
namespace {

constexpr int64_t chunk = attention_chunk;
constexpr int64_t query_step = 8;
constexpr int64_t queries_per_call = 128;  // enough that rounding keys and values is a small part
constexpr int64_t rows_worth_it = 16;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t n_pairs_of(int64_t width) { return (width + 1) / 2; }

}  // namespace
}  // namespace quire

#ifdef QUIRE_X86
ISA_BEGIN_AVX512
namespace quire::avx512 {
namespace {

using Pairs = __m512bh;

SIMD_INLINE Pairs load_pairs(const uint16_t* p) {
  return reinterpret_cast<Pairs>(_mm512_loadu_si512(p));
}
// The pair at p in every lane.
SIMD_INLINE Pairs every_pair(const uint16_t* p) {
  int32_t pair;
  __builtin_memcpy(&pair, p, 4);
  return reinterpret_cast<Pairs>(_mm512_set1_epi32(pair));
}
SIMD_INLINE void store_rounded(uint16_t* to, F low, F high) {
  _mm512_storeu_si512(to, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

// 16 elements of a type as floats.
SIMD_INLINE F from_type(DType dtype, const std::byte* p) {
  if (dtype == DType::f16) return from_f16(p);
  if (dtype == DType::bf16) return from_bf16(p);
  return load(reinterpret_cast<const float*>(p));
}
SIMD_INLINE F from_type_part(DType dtype, const std::byte* p, int64_t n) {
  alignas(64) std::byte whole[64] = {};
  __builtin_memcpy(whole, p, static_cast<size_t>(n * (dtype == DType::f32 ? 4 : 2)));
  return from_type(dtype, whole);
}

// n floats, a multiple of 32, rounded.
void round_floats(uint16_t* to, const std::byte* from, DType dtype, int64_t n) {
  const int64_t bytes = dtype == DType::f32 ? 4 : 2;
  for (int64_t i = 0; i < n; i += 32)
    store_rounded(to + i, from_type(dtype, from + i * bytes),
                  from_type(dtype, from + (i + 16) * bytes));
}

// to (width, 2): the elements of two rows of values beside each other; a
// missing row is zero.
void pair_rows(uint16_t* to, const std::byte* a, const std::byte* b, DType dtype, int64_t width) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const int64_t bytes = dtype == DType::f32 ? 4 : 2;
  for (int64_t e = 0; e < width; e += 16) {
    const int64_t n = width - e;
    const auto get = [&](const std::byte* row) {
      if (row == nullptr) return zero();
      return n >= 16 ? from_type(dtype, row + e * bytes)
                     : from_type_part(dtype, row + e * bytes, n);
    };
    const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(get(b), get(a)));
    _mm512_storeu_si512(to + 2 * e, _mm512_permutexvar_epi16(order, both));
  }
}

// c[j * c_stride + i] = c[..] * factor[j] + sum over n pairs of a[j] · b[i]: 8
// rows of pairs a, n_vectors * 16 columns of pairs b with b_stride elements
// between pairs. factor null: c is written.
template <int n_vectors>
void product(float* c, int64_t c_stride, const float* factor, const uint16_t* a, int64_t a_stride,
             const uint16_t* b, int64_t b_stride, int64_t n) {
  F sums[query_step][n_vectors];
#pragma GCC unroll 8
  for (int j = 0; j < query_step; ++j)
#pragma GCC unroll 2
    for (int i = 0; i < n_vectors; ++i)
      sums[j][i] =
          factor == nullptr ? zero() : mul(load(c + j * c_stride + i * n_lanes), set(factor[j]));
  for (int64_t k = 0; k < n; ++k) {
    Pairs columns[n_vectors];
#pragma GCC unroll 2
    for (int i = 0; i < n_vectors; ++i) columns[i] = load_pairs(b + k * b_stride + i * 32);
#pragma GCC unroll 8
    for (int j = 0; j < query_step; ++j) {
      const Pairs row = every_pair(a + j * a_stride + 2 * k);
#pragma GCC unroll 2
      for (int i = 0; i < n_vectors; ++i)
        sums[j][i] = _mm512_dpbf16_ps(sums[j][i], columns[i], row);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < query_step; ++j)
#pragma GCC unroll 2
    for (int i = 0; i < n_vectors; ++i) store(c + j * c_stride + i * n_lanes, sums[j][i]);
}

// 2^x for x <= 0, to a relative error of 5e-5: the results are rounded to bf16.
SIMD_INLINE F exp2_rough(F x) {
  const F clamped = max(x, set(-126.0f));
  const F n = round(clamped), r = sub(clamped, n);
  F p = set(0.00961813f);
  p = fma(p, r, set(0.05550411f));
  p = fma(p, r, set(0.24022651f));
  p = fma(p, r, set(0.69314718f));
  return scale_by_power(fma(p, r, set(1.0f)), n);
}

// A row of scores, of which [low, high) are seen, becomes probabilities
// relative to 2^maximum in bf16; returns the factor for what was summed before.
// Scores are logarithms to base 2; with a softcap they become so here.
float softmax_row(uint16_t* p, const float* scores, int64_t low, int64_t high, float softcap,
                  float* maximum, float* total) {
  constexpr int n_vectors = chunk / n_lanes;
  constexpr float log2_e = 1.44269504f;
  F x[n_vectors];
  __mmask16 seen[n_vectors];
  F top = set(*maximum);
#pragma GCC unroll 8
  for (int i = 0; i < n_vectors; ++i) {
    const int64_t first_lane = low - i * n_lanes, end_lane = high - i * n_lanes;
    const uint32_t below_end = end_lane >= 16 ? 0xffff : end_lane <= 0 ? 0 : (1u << end_lane) - 1;
    const uint32_t below_low = first_lane >= 16  ? 0xffff
                               : first_lane <= 0 ? 0
                                                 : (1u << first_lane) - 1;
    seen[i] = static_cast<__mmask16>(below_end & ~below_low);
    x[i] = _mm512_maskz_loadu_ps(seen[i], scores + i * n_lanes);
    if (softcap > 0) x[i] = mul(set(softcap * log2_e), tanh(div(x[i], set(softcap))));
    top = _mm512_mask_max_ps(top, seen[i], top, x[i]);
  }
  const float m = max_of(top);
  F sums = zero();
#pragma GCC unroll 8
  for (int i = 0; i < n_vectors; ++i) {
    x[i] = _mm512_maskz_mov_ps(seen[i], exp2_rough(sub(x[i], set(m))));
    sums = add(sums, x[i]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < n_vectors; i += 2) store_rounded(p + i * n_lanes, x[i], x[i + 1]);
  const float factor = first(exp2_rough(set(*maximum - m)));
  *maximum = m;
  *total = *total * factor + sum(sums);
  return factor;
}

// q (n) times factor, rounded; an odd last element gets a zero beside it.
void round_query(uint16_t* to, const float* q, int64_t n, float factor) {
  const F f = set(factor);
  int64_t e = 0;
  for (; e + 32 <= n; e += 32) store_rounded(to + e, mul(load(q + e), f), mul(load(q + e + 16), f));
  if (e == n) return;
  alignas(64) float rest[32] = {};
  __builtin_memcpy(rest, q + e, static_cast<size_t>(n - e) * sizeof(float));
  alignas(64) uint16_t rounded[32];
  store_rounded(rounded, mul(load(rest), f), mul(load(rest + 16), f));
  __builtin_memcpy(to + e, rounded, static_cast<size_t>((n - e + 1) / 2) * 4);
}

void scale_row(float* y, const float* x, float factor, int64_t n) {
  const F f = set(factor);
  map(y, x, n, [&](F v) { return mul(v, f); });
}

}  // namespace
}  // namespace quire::avx512
ISA_END

namespace quire {
namespace {

// A thread's scratch for n_q queries, a multiple of query_step.
struct Buffers {
  uint16_t* q;                        // (n_q, 2 ceil(E/2))
  float* scores;                      // (n_q, chunk)
  uint16_t* p;                        // (n_q, chunk)
  float* sums;                        // (n_q, Ev up to 16)
  float *maximum, *total, *factor;    // (n_q)
  uint16_t* keys;                     // (ceil(E/2), kv_block_size, 2): a block
  uint16_t* values;                   // (chunk / 2, Ev up to 16, 2)
  float *key_rows, *pairs, *decoded;  // of types that need decoding
};
template <class Take>
Buffers cut(Take take, int64_t n_q, int64_t k_width, int64_t v_width) {
  const auto halves = [&](int64_t n) { return reinterpret_cast<uint16_t*>(take((n + 1) / 2)); };
  const int64_t v_padded = round_up(v_width, 16), keys = 2 * n_pairs_of(k_width) * kv_block_size;
  Buffers b{};
  b.q = halves(n_q * 2 * n_pairs_of(k_width));
  b.scores = take(n_q * chunk);
  b.p = halves(n_q * chunk);
  b.sums = take(n_q * v_padded);
  b.maximum = take(n_q);
  b.total = take(n_q);
  b.factor = take(n_q);
  b.keys = halves(keys);
  b.values = halves(chunk * v_padded);
  b.key_rows = take(keys);
  b.pairs = take(keys);
  b.decoded = take(chunk * v_width);
  return b;
}

// Some rows with all query heads of one kv head.
struct Pass {
  const KvPages& pages;
  const AttentionOptions& options;
  const int32_t* positions;
  int64_t head, n_group, n_rows, n_q;  // n_q up to a multiple of query_step
  Buffers to;
  Visible seen{};

  Visible visible(int64_t t) const {
    return visible_positions(options, positions[t], pages.n_stored);
  }

  void start(Heads<const float> q) {
    const int64_t width = 2 * n_pairs_of(pages.k.width), v_width = round_up(pages.v.width, 16);
    const float log2_e = 1.44269504f;
    const float factor = options.softcap > 0 ? options.scale : options.scale * log2_e;
    seen = {std::numeric_limits<int64_t>::max(), 0};
    std::memset(to.q + n_rows * n_group * width, 0,
                static_cast<size_t>((n_q - n_rows * n_group) * width) * 2);
    for (int64_t t = 0; t < n_rows; ++t) {
      seen = {std::min(seen.begin, visible(t).begin), std::max(seen.end, visible(t).end)};
      for (int64_t i = 0; i < n_group; ++i)
        avx512::round_query(to.q + (t * n_group + i) * width, q.head(t, head * n_group + i),
                            pages.k.width, factor);
    }
    const bool sink = options.sinks != nullptr;
    for (int64_t j = 0; j < n_q; ++j) {
      to.maximum[j] = sink ? options.sinks[head * n_group + j % n_group] * log2_e
                           : -std::numeric_limits<float>::infinity();
      to.total[j] = sink ? 1.0f : 0.0f;
    }
    std::fill_n(to.sums, n_q * v_width, 0.0f);
  }

  // A block of keys as pairs in bf16.
  const uint16_t* key_pairs(int64_t position) const {
    const std::byte* block = k_block(pages, head, position);
    const int64_t width = pages.k.width, n_pairs = n_pairs_of(width);
    DType dtype = pages.k.dtype;
    if (dtype == DType::bf16) return reinterpret_cast<const uint16_t*>(block);
    if (!kv_keys_in_pairs(dtype)) {
      codec(dtype)->decode(block, to.key_rows, kv_block_size * width);
      for (int64_t i = 0; i < n_pairs; ++i)
        for (int64_t s = 0; s < kv_block_size; ++s)
          std::memcpy(to.pairs + (i * kv_block_size + s) * 2, to.key_rows + s * width + 2 * i, 8);
      block = reinterpret_cast<const std::byte*>(to.pairs);
      dtype = DType::f32;
    }
    avx512::round_floats(to.keys, block, dtype, 2 * n_pairs * kv_block_size);
    return to.keys;
  }

  // Positions [low, high) of a chunk of values in pairs; the others are zero.
  void value_pairs(int64_t start_position, int64_t low, int64_t high) const {
    const int64_t width = pages.v.width, padded = round_up(width, 16);
    for (int64_t s = low / 2 * 2; s < high; s += 2) {
      const auto row = [&](int64_t at) -> const std::byte* {
        if (at < low || at >= high) return nullptr;
        const std::byte* block = v_block(pages, head, start_position + at);
        const std::byte* stored = block + at % kv_block_size * row_bytes(pages.v.dtype, width);
        if (kv_keys_in_pairs(pages.v.dtype)) return stored;
        float* decoded = to.decoded + at * width;
        codec(pages.v.dtype)->decode(stored, decoded, width);
        return reinterpret_cast<const std::byte*>(decoded);
      };
      const DType dtype = kv_keys_in_pairs(pages.v.dtype) ? pages.v.dtype : DType::f32;
      avx512::pair_rows(to.values + s * padded, row(s), row(s + 1), dtype, width);
    }
  }

  void run_chunk(int64_t index) const {
    const int64_t start_position = index * chunk, n_pairs = n_pairs_of(pages.k.width);
    const int64_t low = std::max<int64_t>(0, seen.begin - start_position);
    const int64_t high = std::min(chunk, seen.end - start_position);
    for (int64_t b = low / kv_block_size; b * kv_block_size < high; ++b) {
      const uint16_t* keys = key_pairs(start_position + b * kv_block_size);
      for (int64_t j = 0; j < n_q; j += query_step)
        avx512::product<2>(to.scores + j * chunk + b * kv_block_size, chunk, nullptr,
                           to.q + j * 2 * n_pairs, 2 * n_pairs, keys, 2 * kv_block_size, n_pairs);
    }
    for (int64_t j = 0; j < n_q; ++j) {
      const int64_t t = j / n_group;
      const Visible row = t < n_rows ? visible(t) : Visible{};
      const int64_t row_low = std::clamp(row.begin - start_position, low, high);
      const int64_t row_high = std::clamp(row.end - start_position, row_low, high);
      to.factor[j] = 1;
      if (row_low == row_high)
        std::memset(to.p + j * chunk, 0, chunk * 2);
      else
        to.factor[j] = avx512::softmax_row(to.p + j * chunk, to.scores + j * chunk, row_low,
                                           row_high, options.softcap, to.maximum + j, to.total + j);
    }
    value_pairs(start_position, low, high);
    weigh(low / 2, (high + 1) / 2);
  }

  // Adds pairs [begin, end) of values.
  void weigh(int64_t begin, int64_t end) const {
    const int64_t padded = round_up(pages.v.width, 16), n = end - begin;
    const uint16_t* values = to.values + begin * 2 * padded;
    for (int64_t e = 0; e < padded; e += 32)
      for (int64_t j = 0; j < n_q; j += query_step) {
        const uint16_t* p = to.p + j * chunk + begin * 2;
        float* sums = to.sums + j * padded + e;
        if (e + 32 <= padded)
          avx512::product<2>(sums, padded, to.factor + j, p, chunk, values + 2 * e, 2 * padded, n);
        else
          avx512::product<1>(sums, padded, to.factor + j, p, chunk, values + 2 * e, 2 * padded, n);
      }
  }

  void finish(Heads<float> out) const {
    const int64_t padded = round_up(out.width, 16);
    for (int64_t j = 0; j < n_rows * n_group; ++j)
      avx512::scale_row(out.head(j / n_group, head * n_group + j % n_group), to.sums + j * padded,
                        1.0f / to.total[j], out.width);
  }
};

}  // namespace

bool attention_bf16_suits(int64_t n_rows) {
  return isa() == Isa::avx512 && n_rows >= rows_worth_it;
}

void attention_bf16(Heads<float> out, Heads<const float> q, const KvPages& pages,
                    View<const int32_t, 1> positions, int64_t head, const AttentionOptions& options,
                    Scratch scratch) {
  CHECK(isa() == Isa::avx512);
  check_pages(pages);
  CHECK(q.n == positions.dim(0) && q.width == pages.k.width);
  CHECK(q.n_heads % pages.n_heads == 0 && head >= 0 && head < pages.n_heads);
  CHECK(out.n == q.n && out.n_heads == q.n_heads && out.width == pages.v.width);
  const int64_t n_group = q.n_heads / pages.n_heads, rows = attention_bf16_rows(n_group);
  CHECK(scratch.size() >= attention_bf16_scratch_bytes(n_group, q.width, out.width));
  const int64_t n_positions = static_cast<int64_t>(pages.blocks.size()) * kv_block_size;
  for (int64_t t = 0; t < q.n; t += rows) {
    const int64_t n_rows = std::min(rows, q.n - t), n_q = round_up(n_rows * n_group, query_step);
    for (int64_t i = t; i < t + n_rows; ++i) {
      CHECK(positions(i) >= 0 && positions(i) < n_positions);
      CHECK(options.mask == AttentionMask::causal || positions(i) < pages.n_stored);
    }
    float* next = reinterpret_cast<float*>(scratch.data());
    const auto take = [&](int64_t n) { return std::exchange(next, next + round_up(n, 16)); };
    Pass pass{pages,
              options,
              positions.data() + t,
              head,
              n_group,
              n_rows,
              n_q,
              cut(take, n_q, q.width, out.width)};
    pass.start(q.part(t, t + n_rows));
    for (int64_t i = pass.seen.begin / chunk; i * chunk < pass.seen.end; ++i) pass.run_chunk(i);
    pass.finish(out.part(t, t + n_rows));
  }
}

size_t attention_bf16_scratch_bytes(int64_t n_group, int64_t k_width, int64_t v_width) {
  int64_t n = 0;
  const auto count = [&](int64_t floats) {
    n += round_up(floats, 16);
    return static_cast<float*>(nullptr);
  };
  (void)cut(count, round_up(attention_bf16_rows(n_group) * n_group, query_step), k_width, v_width);
  return static_cast<size_t>(n) * sizeof(float);
}

}  // namespace quire

#else

namespace quire {

bool attention_bf16_suits(int64_t) { return false; }
void attention_bf16(Heads<float>, Heads<const float>, const KvPages&, View<const int32_t, 1>,
                    int64_t, const AttentionOptions&, Scratch) {
  check_failed(__FILE__, __LINE__, "a processor with bf16 products");
}
size_t attention_bf16_scratch_bytes(int64_t, int64_t, int64_t) { return 0; }

}  // namespace quire

#endif  // QUIRE_X86

namespace quire {

int64_t attention_bf16_rows(int64_t n_group) {
  return std::max<int64_t>(1, queries_per_call / n_group);
}

}  // namespace quire
