#include "kernels/attention.h"

#include "kernels/attention_bf16.h"
#include "kernels/attention_train.h"
#include "quant/codec.h"
#include "unit/kernels/support.h"

namespace quire {
namespace {

struct Shape3 {
  int64_t n_tokens, n_heads, n_group, width;  // T, G, H/G, E
  int64_t v_width = width;                    // Ev
  int64_t h() const { return n_heads * n_group; }
  int64_t n_q() const { return n_tokens * h() * width; }
  int64_t n_k() const { return n_tokens * n_heads * width; }
  int64_t n_v() const { return n_tokens * n_heads * v_width; }
  int64_t n_out() const { return n_tokens * h() * v_width; }
};

// One sequence, all of its rows as queries, in double.
Doubles attention_formula(const Shape3& s, const Doubles& q, const Doubles& k, const Doubles& v,
                          const AttentionOptions& options) {
  Doubles out(static_cast<size_t>(s.n_out()));
  const auto at = [](int64_t row, int64_t n_heads, int64_t head, int64_t width) {
    return static_cast<size_t>((row * n_heads + head) * width);
  };
  for (int64_t t = 0; t < s.n_tokens; ++t)
    for (int64_t h = 0; h < s.h(); ++h) {
      const size_t q_at = at(t, s.h(), h, s.width), out_at = at(t, s.h(), h, s.v_width);
      double sum = options.sinks == nullptr ? 0 : std::exp(static_cast<double>(options.sinks[h]));
      for (int64_t key = 0; key < s.n_tokens; ++key) {
        if (options.mask == AttentionMask::causal && key > t) continue;
        if (options.window > 0 && std::abs(key - t) >= options.window) continue;
        const size_t k_at = at(key, s.n_heads, h / s.n_group, s.width);
        const size_t v_at = at(key, s.n_heads, h / s.n_group, s.v_width);
        double score = 0;
        for (size_t e = 0; e < static_cast<size_t>(s.width); ++e)
          score += q[q_at + e] * k[k_at + e];
        score *= static_cast<double>(options.scale);
        const double cap = static_cast<double>(options.softcap);
        if (cap > 0) score = cap * std::tanh(score / cap);
        const double p = std::exp(score);
        sum += p;
        for (size_t e = 0; e < static_cast<size_t>(s.v_width); ++e)
          out[out_at + e] += p * v[v_at + e];
      }
      for (size_t e = 0; e < static_cast<size_t>(s.v_width); ++e) out[out_at + e] /= sum;
    }
  return out;
}

constexpr AttentionOptions plain{.scale = 0.25f};
constexpr AttentionOptions windowed{.scale = 0.25f, .window = 21};
constexpr AttentionOptions capped{.scale = 0.25f, .window = 0, .softcap = 2.0f};
// Some sinks take nearly everything, some next to nothing.
constexpr float sink_scores[] = {0.5f, -3, 4, 0, 1, -20, 2, 0.1f};
constexpr AttentionOptions with_sinks{.scale = 0.25f, .window = 40, .sinks = sink_scores};
constexpr AttentionOptions both_ways{.scale = 0.25f, .mask = AttentionMask::bidirectional};
constexpr AttentionOptions near_both_ways{
    .scale = 0.25f, .window = 21, .softcap = 3.0f, .mask = AttentionMask::bidirectional};

// A cache with its blocks in reverse order and never-written rows full of NaN.
struct Cache {
  KvPages pages;
  std::vector<std::byte> k, v;
  std::vector<int32_t> blocks;

  Cache(DType k_dtype, DType v_dtype, const Shape3& s) {
    const int64_t n_blocks = (s.n_tokens + kv_block_size - 1) / kv_block_size;
    const int64_t k_bytes = k_block_bytes(k_dtype, s.n_heads, s.width) + 64;
    const int64_t v_bytes = v_block_bytes(v_dtype, s.n_heads, s.v_width) + 64;
    // Exactly as large as the blocks are: a sanitizer sees what is read behind them.
    k.assign(static_cast<size_t>((n_blocks + 1) * k_bytes - 64), std::byte{0xff});
    v.assign(static_cast<size_t>((n_blocks + 1) * v_bytes - 64), std::byte{0xff});
    for (int64_t b = n_blocks; b-- > 0;) blocks.push_back(static_cast<int32_t>(b + 1));
    pages = {.k = {k.data(), k_dtype, k_bytes, s.width},
             .v = {v.data(), v_dtype, v_bytes, s.v_width},
             .blocks = blocks,
             .n_heads = s.n_heads,
             .n_stored = s.n_tokens};
  }
  Cache(const Cache&) = delete;
};

std::vector<int32_t> positions_to(int64_t n) {
  std::vector<int32_t> p(static_cast<size_t>(n));
  for (size_t i = 0; i < p.size(); ++i) p[i] = static_cast<int32_t>(i);
  return p;
}

struct Inputs {
  Floats q, k, v;
  explicit Inputs(const Shape3& s)
      : q(random_floats(s.n_q(), 1)), k(random_floats(s.n_k(), 2)), v(random_floats(s.n_v(), 3)) {}
  Heads<const float> queries(const Shape3& s) const { return heads_of(q, s.n_tokens, s.h()); }
};
Doubles formula(const Shape3& s, const Inputs& in, const AttentionOptions& options) {
  return attention_formula(s, as_doubles(in.q), as_doubles(in.k), as_doubles(in.v), options);
}

// Attends for all rows, `rows` at a time, each stored before.
Floats run_paged(const Cache& cache, const Shape3& s, const Inputs& in,
                 const AttentionOptions& options, int64_t rows) {
  const std::vector<int32_t> positions = positions_to(s.n_tokens);
  Floats out(static_cast<size_t>(s.n_out()), 5.0f);
  const LentScratch scratch(attention_scratch_bytes(s.n_group, s.width, s.v_width));
  for (int64_t t = 0; t < s.n_tokens; t += rows) {
    const int64_t end = std::min(t + rows, s.n_tokens);
    const View<const int32_t, 1> part(positions.data() + t, end - t);
    kv_store(cache.pages, heads_of(in.k, s.n_tokens, s.n_heads).part(t, end),
             heads_of(in.v, s.n_tokens, s.n_heads).part(t, end), part);
    for (int64_t g = 0; g < s.n_heads; ++g)
      attention(heads_of(out, s.n_tokens, s.h()).part(t, end), in.queries(s).part(t, end),
                cache.pages, part, g, options, scratch);
  }
  return out;
}

const Shape3 shapes[] = {{1, 1, 1, 1},        {5, 2, 1, 8},       {70, 1, 4, 24},
                         {150, 2, 3, 33},     {40, 1, 8, 16},     {33, 1, 1, 160},
                         {300, 2, 2, 24, 16}, {40, 1, 1, 17, 33}, {140, 1, 5, 80, 64}};
constexpr DType cache_types[] = {DType::f32, DType::f16, DType::bf16, DType::q8_0};

class PagedAttention : public EachIsa {};
FOR_EACH_ISA(PagedAttention);

TEST_P(PagedAttention, IsTheFormula) {
  for (const Shape3& s : shapes)
    for (const AttentionOptions& options :
         {plain, windowed, capped, with_sinks, both_ways, near_both_ways}) {
      const Inputs in(s);
      const Cache cache(DType::f32, DType::f32, s);
      EXPECT_LE(difference(run_paged(cache, s, in, options, s.n_tokens), formula(s, in, options)),
                rounding_of_sums)
          << s.n_tokens << " tokens, widths " << s.width << " and " << s.v_width;
    }
}

// What a cache of a type keeps of rows of `width`.
Floats kept(const Floats& x, DType dtype, int64_t width) {
  Floats y(x.size());
  std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(dtype, width)));
  for (size_t i = 0; i < x.size(); i += static_cast<size_t>(width)) {
    codec(dtype)->encode(x.data() + i, bytes.data(), width);
    codec(dtype)->decode(bytes.data(), y.data() + i, width);
  }
  return y;
}

TEST_P(PagedAttention, ReadsEveryCacheType) {
  for (const Shape3& s : {Shape3{300, 2, 2, 64}, Shape3{90, 1, 7, 96, 32}})
    for (const DType k_dtype : cache_types)
      for (const DType v_dtype : cache_types) {
        Inputs in(s);
        const Cache cache(k_dtype, v_dtype, s);
        const Floats out = run_paged(cache, s, in, windowed, s.n_tokens);
        in.k = kept(in.k, k_dtype, s.width);
        in.v = kept(in.v, v_dtype, s.v_width);
        EXPECT_LE(difference(out, formula(s, in, windowed)), rounding_of_sums)
            << info(k_dtype).name << " and " << info(v_dtype).name;
      }
}

TEST_P(PagedAttention, ARowIsTheSameAloneOrInAnyCompany) {
  const Shape3 s{300, 2, 3, 40};
  const Inputs in(s);
  for (const DType dtype : {DType::f32, DType::f16})
    for (const AttentionOptions& options : {plain, windowed, capped, with_sinks}) {
      const Cache all(dtype, dtype, s);
      const Floats whole = run_paged(all, s, in, options, s.n_tokens);
      for (const int64_t rows : {int64_t{1}, int64_t{9}}) {
        const Cache cache(dtype, dtype, s);
        EXPECT_EQ(run_paged(cache, s, in, options, rows), whole) << rows << " at a time";
      }
    }
}

// Rows of late positions, their chunks made one by one in any order.
TEST_P(PagedAttention, PartsOfThePositionsGiveTheSame) {
  for (const Shape3& s : {Shape3{700, 2, 3, 40}, Shape3{400, 1, 1, 64, 17}})
    for (const AttentionOptions& options :
         {plain, windowed, capped, with_sinks, both_ways, near_both_ways})
      for (const int64_t rows : {int64_t{1}, int64_t{5}}) {
        const Inputs in(s);
        const Cache cache(DType::f16, DType::f16, s);
        const Floats whole = run_paged(cache, s, in, options, s.n_tokens);
        const int64_t t = s.n_tokens - rows - 1;
        const std::vector<int32_t> positions = positions_to(s.n_tokens);
        const View<const int32_t, 1> at(positions.data() + t, rows);
        const int64_t begin = visible_positions(options, t, s.n_tokens).begin / attention_chunk;
        const int64_t last = visible_positions(options, t + rows - 1, s.n_tokens).end - 1;
        const int64_t end = last / attention_chunk + 1;
        const LentScratch scratch(attention_scratch_bytes(s.n_group, s.width, s.v_width));
        const int64_t step = attention_part_floats(rows, s.n_group, s.v_width);
        Floats out(whole.size()), parts(static_cast<size_t>((end - begin) * step), 5.0f);
        for (int64_t g = 0; g < s.n_heads; ++g) {
          for (int64_t i = end; i-- > begin;)
            attention_part(parts.data() - begin * step, in.queries(s).part(t, t + rows),
                           cache.pages, at, g, i, i + 1, options, scratch);
          attention_fold(heads_of(out, s.n_tokens, s.h()).part(t, t + rows),
                         parts.data() - begin * step, s.n_heads, g, begin, end, options);
        }
        const auto of_rows = [&](const Floats& x) {
          const int64_t row = s.h() * s.v_width;
          return Floats(x.begin() + t * row, x.begin() + (t + rows) * row);
        };
        EXPECT_EQ(of_rows(out), of_rows(whole));
      }
}

TEST_P(PagedAttention, MayWriteOverItsQueries) {
  const Shape3 s{50, 1, 2, 16};
  Inputs in(s);
  const Cache cache(DType::f32, DType::f32, s);
  const Floats right = run_paged(cache, s, in, plain, s.n_tokens);
  const std::vector<int32_t> positions = positions_to(s.n_tokens);
  const LentScratch scratch(attention_scratch_bytes(s.n_group, s.width, s.v_width));
  attention(heads_of(in.q, s.n_tokens, 2), heads_of(in.q, s.n_tokens, 2), cache.pages,
            vector_of(positions), 0, plain, scratch);
  EXPECT_EQ(in.q, right);
}

// Rounding to bf16 of queries, keys, values and probabilities: 2^-9 each.
constexpr double rounding_to_bf16 = 1.5e-2;

// Attends for all rows, `rows` at a time, all of them stored before.
Floats run_bf16(const Cache& cache, const Shape3& s, const Inputs& in,
                const AttentionOptions& options, int64_t rows) {
  const std::vector<int32_t> positions = positions_to(s.n_tokens);
  Floats out(static_cast<size_t>(s.n_out()), 5.0f);
  const LentScratch scratch(attention_bf16_scratch_bytes(s.n_group, s.width, s.v_width));
  kv_store(cache.pages, heads_of(in.k, s.n_tokens, s.n_heads),
           heads_of(in.v, s.n_tokens, s.n_heads), vector_of(positions));
  for (int64_t t = 0; t < s.n_tokens; t += rows) {
    const int64_t end = std::min(t + rows, s.n_tokens);
    const View<const int32_t, 1> part(positions.data() + t, end - t);
    for (int64_t g = 0; g < s.n_heads; ++g)
      attention_bf16(heads_of(out, s.n_tokens, s.h()).part(t, end), in.queries(s).part(t, end),
                     cache.pages, part, g, options, scratch);
  }
  return out;
}

class Bf16Attention : public testing::Test {
 protected:
  void SetUp() override {
    if (!attention_bf16_suits(1000)) GTEST_SKIP() << "no such instructions on this machine";
  }
};

TEST_F(Bf16Attention, IsTheFormulaRounded) {
  for (const Shape3& s : shapes)
    for (const AttentionOptions& options :
         {plain, windowed, capped, with_sinks, both_ways, near_both_ways})
      for (const DType dtype : cache_types) {
        if (s.width % info(dtype).block_size != 0 || s.v_width % info(dtype).block_size != 0)
          continue;
        const Inputs in(s);
        const Cache cache(dtype, dtype, s);
        EXPECT_LE(difference(run_bf16(cache, s, in, options, s.n_tokens), formula(s, in, options)),
                  rounding_to_bf16)
            << s.n_tokens << " tokens, widths " << s.width << " and " << s.v_width << ", "
            << info(dtype).name;
      }
}

TEST_F(Bf16Attention, ARowIsTheSameAloneOrInAnyCompany) {
  const Shape3 s{300, 2, 3, 40};
  const Inputs in(s);
  for (const AttentionOptions& options : {plain, windowed, capped, with_sinks, near_both_ways}) {
    const Cache cache(DType::f16, DType::f16, s);
    const Floats whole = run_bf16(cache, s, in, options, s.n_tokens);
    for (const int64_t rows : {int64_t{1}, int64_t{50}})
      EXPECT_EQ(run_bf16(cache, s, in, options, rows), whole) << rows << " at a time";
  }
}

class TrainAttention : public EachIsa {
 protected:
  // Tiles in order or from last to first.
  void run(const AttentionTrain& a, Floats& out, Floats& lse, const Floats* dout, Floats* dq,
           Floats* dk, Floats* dv, Output output = Output::write, int64_t step = 1) const {
    const LentScratch scratch(attention_train_scratch_bytes(a));
    const int64_t n = a.q.n, h = a.q.n_heads, g = a.k.n_heads;
    const auto each = [&](int64_t n_tiles, auto body) {
      for (int64_t i = 0; i < n_tiles; ++i) body(step > 0 ? i : n_tiles - 1 - i);
    };
    each(attention_forward_tiles(a), [&](int64_t tile) {
      attention_forward_tile(a, heads_of(out, n, h), View<float, 2>(lse.data(), n, h), tile,
                             scratch);
    });
    if (dout == nullptr) return;
    each(attention_backward_tiles(a), [&](int64_t tile) {
      attention_backward_tile(
          a, {heads_of(*dq, n, h), heads_of(*dk, n, g), heads_of(*dv, n, g), output},
          heads_of(*dout, n, h), heads_of(std::as_const(out), n, h),
          View<const float, 2>(lse.data(), n, h), tile, scratch);
    });
  }
};
FOR_EACH_ISA(TrainAttention);

Doubles sequence_of(const Floats& x, int64_t i, int64_t n_sequences) {
  const int64_t n = static_cast<int64_t>(x.size()) / n_sequences;
  return {x.begin() + i * n, x.begin() + (i + 1) * n};
}

TEST_P(TrainAttention, ForwardIsTheFormulaForEverySequence) {
  for (const Shape3& s :
       {Shape3{1, 1, 1, 1}, Shape3{17, 2, 2, 16}, Shape3{97, 1, 3, 32}, Shape3{200, 2, 1, 24},
        Shape3{300, 1, 1, 65}, Shape3{230, 2, 2, 33, 20}, Shape3{50, 1, 2, 16, 40}})
    for (const AttentionOptions& options :
         {plain, windowed, capped, with_sinks, both_ways, near_both_ways}) {
      const int64_t b = 2, n = b * s.n_tokens;
      const Floats q = random_floats(b * s.n_q(), 1);
      const Floats k = random_floats(b * s.n_k(), 2);
      const Floats v = random_floats(b * s.n_v(), 3);
      Floats out(static_cast<size_t>(b * s.n_out())), lse(static_cast<size_t>(n * s.h()));
      run({b, s.n_tokens, heads_of(q, n, s.h()), heads_of(k, n, s.n_heads),
           heads_of(v, n, s.n_heads), options},
          out, lse, nullptr, nullptr, nullptr, nullptr);
      for (int64_t i = 0; i < b; ++i)
        EXPECT_LE(difference(sequence_of(out, i, b),
                             attention_formula(s, sequence_of(q, i, b), sequence_of(k, i, b),
                                               sequence_of(v, i, b), options)),
                  rounding_of_sums)
            << s.n_tokens << " tokens, width " << s.width << ", sequence " << i;
    }
}

TEST_P(TrainAttention, GradientsMatchDifferences) {
  for (const Shape3& s : {Shape3{1, 1, 1, 3}, Shape3{9, 2, 2, 5}, Shape3{24, 1, 2, 8},
                          Shape3{9, 1, 2, 3, 6}, Shape3{9, 1, 2, 6, 3}})
    for (AttentionOptions options :
         {plain, windowed, capped, with_sinks, both_ways, near_both_ways}) {
      if (options.window > 0) options.window = 4;
      const int64_t n = s.n_tokens;
      const Floats q = random_floats(s.n_q(), 1), k = random_floats(s.n_k(), 2);
      const Floats v = random_floats(s.n_v(), 3), dout = random_floats(s.n_out(), 4);
      Floats out(dout.size()), lse(static_cast<size_t>(n * s.h())), dq(q.size()), dk(k.size());
      Floats dv(v.size());
      run({1, n, heads_of(q, n, s.h()), heads_of(k, n, s.n_heads), heads_of(v, n, s.n_heads),
           options},
          out, lse, &dout, &dq, &dk, &dv);
      const auto loss = [&](const Doubles& vq, const Doubles& vk, const Doubles& vv) {
        return dot(attention_formula(s, vq, vk, vv, options), dout);
      };
      const Doubles rq = as_doubles(q), rk = as_doubles(k), rv = as_doubles(v);
      const auto of = [&](const Doubles& x, auto f) { return numeric_gradient(f, x); };
      EXPECT_LE(difference(dq, of(rq, [&](const Doubles& x) { return loss(x, rk, rv); })),
                rounding_of_sums);
      EXPECT_LE(difference(dk, of(rk, [&](const Doubles& x) { return loss(rq, x, rv); })),
                rounding_of_sums);
      EXPECT_LE(difference(dv, of(rv, [&](const Doubles& x) { return loss(rq, rk, x); })),
                rounding_of_sums);
    }
}

// Gradients of long sequences, in double, by the formulas of the softmax.
struct Gradients {
  Doubles dq, dk, dv;
};
Gradients gradients_formula(const Shape3& s, const Doubles& q, const Doubles& k, const Doubles& v,
                            const Doubles& dout, double scale) {
  Gradients g{Doubles(q.size()), Doubles(k.size()), Doubles(v.size())};
  const size_t width = static_cast<size_t>(s.width);
  for (int64_t t = 0; t < s.n_tokens; ++t)
    for (int64_t h = 0; h < s.h(); ++h) {
      const size_t at = static_cast<size_t>(t * s.h() + h) * width;
      const auto k_at = [&](int64_t key) {
        return static_cast<size_t>(key * s.n_heads + h / s.n_group) * width;
      };
      Doubles p(static_cast<size_t>(t + 1)), dp(p.size());
      double sum = 0, mean = 0;
      for (int64_t i = 0; i <= t; ++i) {
        double score = 0;
        for (size_t e = 0; e < width; ++e) {
          score += q[at + e] * k[k_at(i) + e];
          dp[static_cast<size_t>(i)] += dout[at + e] * v[k_at(i) + e];
        }
        sum += p[static_cast<size_t>(i)] = std::exp(scale * score);
      }
      for (size_t i = 0; i < p.size(); ++i) mean += (p[i] /= sum) * dp[i];
      for (int64_t i = 0; i <= t; ++i) {
        const double pi = p[static_cast<size_t>(i)];
        const double ds = pi * (dp[static_cast<size_t>(i)] - mean) * scale;
        for (size_t e = 0; e < width; ++e) {
          g.dq[at + e] += ds * k[k_at(i) + e];
          g.dk[k_at(i) + e] += ds * q[at + e];
          g.dv[k_at(i) + e] += pi * dout[at + e];
        }
      }
    }
  return g;
}

TEST_P(TrainAttention, LongGradientsMatchTheirFormulasAndDoNotDependOnOrder) {
  const Shape3 s{230, 2, 2, 32};
  const int64_t b = 2, n = b * s.n_tokens;
  const Floats q = random_floats(n * s.h() * s.width, 1);
  const Floats k = random_floats(n * s.n_heads * s.width, 2);
  const Floats v = random_floats(n * s.n_heads * s.width, 3);
  const Floats dout = random_floats(n * s.h() * s.width, 4);
  const AttentionTrain a{
      b,    s.n_tokens, heads_of(q, n, s.h()), heads_of(k, n, s.n_heads), heads_of(v, n, s.n_heads),
      plain};
  Floats out(q.size()), lse(static_cast<size_t>(n * s.h())), dq(q.size()), dk(k.size());
  Floats dv(v.size()), out2(out), lse2(lse), dq2(q), dk2(k), dv2(v);
  run(a, out, lse, &dout, &dq, &dk, &dv);
  for (int64_t i = 0; i < b; ++i) {
    const Gradients right =
        gradients_formula(s, sequence_of(q, i, b), sequence_of(k, i, b), sequence_of(v, i, b),
                          sequence_of(dout, i, b), static_cast<double>(plain.scale));
    EXPECT_LE(difference(sequence_of(dq, i, b), right.dq), rounding_of_sums);
    EXPECT_LE(difference(sequence_of(dk, i, b), right.dk), rounding_of_sums);
    EXPECT_LE(difference(sequence_of(dv, i, b), right.dv), rounding_of_sums);
  }
  run(a, out2, lse2, &dout, &dq2, &dk2, &dv2, Output::add, -1);
  EXPECT_EQ(out, out2);
  EXPECT_EQ(lse, lse2);
  EXPECT_LE(difference(dq2, sum_of(q, dq)), few_ulp);
  EXPECT_LE(difference(dk2, sum_of(k, dk)), few_ulp);
  EXPECT_LE(difference(dv2, sum_of(v, dv)), few_ulp);
  run(a, out2, lse2, &dout, &dq2, &dk2, &dv2, Output::write, -1);
  EXPECT_EQ(dq, dq2);
  EXPECT_EQ(dk, dk2);
  EXPECT_EQ(dv, dv2);
}

TEST_P(TrainAttention, ReadsSlicesOfAFusedBuffer) {
  const Shape3 s{40, 2, 2, 16};
  const int64_t row = (s.h() + 2 * s.n_heads) * s.width;
  const Floats fused = random_floats(s.n_tokens * row, 1);
  const auto slice = [&](int64_t first, int64_t heads) {
    return Heads<const float>(fused.data() + first * s.width, s.n_tokens, heads, s.width, row);
  };
  const auto dense = [&](int64_t first, int64_t heads) {
    Floats x;
    for (int64_t t = 0; t < s.n_tokens; ++t)
      x.insert(x.end(), fused.begin() + t * row + first * s.width,
               fused.begin() + t * row + (first + heads) * s.width);
    return x;
  };
  const Floats q = dense(0, s.h()), k = dense(s.h(), s.n_heads), v = dense(6, s.n_heads);
  Floats out(q.size()), lse(static_cast<size_t>(s.n_tokens * s.h())), out2(out), lse2(lse);
  run({1, s.n_tokens, slice(0, s.h()), slice(s.h(), s.n_heads), slice(6, s.n_heads), plain}, out,
      lse, nullptr, nullptr, nullptr, nullptr);
  run({1, s.n_tokens, heads_of(q, s.n_tokens, s.h()), heads_of(k, s.n_tokens, s.n_heads),
       heads_of(v, s.n_tokens, s.n_heads), plain},
      out2, lse2, nullptr, nullptr, nullptr, nullptr);
  EXPECT_EQ(out, out2);
  EXPECT_EQ(lse, lse2);
}

}  // namespace
}  // namespace quire
