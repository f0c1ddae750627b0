// The executor on a small model with a KV cache: fused equals unfused, chunked equals whole, any
// number of threads gives the same bits, taps read and edit, barriers stand where they must.
#include "device/executor.h"

#include "base/rng.h"
#include "device/step.h"
#include "graph/arena.h"
#include "graph/builder.h"
#include "graph/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace quire {
namespace {

constexpr int64_t D = 32, H = 4, G = 2, E = 8, F = 64, V = 50;

Graph small_llama() {
  GraphBuilder g;
  auto frequencies = std::make_shared<RopeFrequencies>();
  frequencies->frequencies = {1.0, 0.1, 0.01, 0.001};
  const RopeAttributes rope{RopePairs::neighbours, frequencies};
  ValueId x = g.embed("embed", g.tokens(), g.param("table", {V, D}));
  for (int layer = 0; layer < 2; ++layer) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    const auto linear = [&](const char* name, ValueId in, int64_t n, int64_t k) {
      return g.linear(blk + name, in, g.param(blk + name + ".weight", {n, k}));
    };
    const auto norm = [&](const char* name, ValueId in) {
      return g.rms_norm(blk + name, in, g.param(blk + name + ".weight", {D}), 1e-5f);
    };
    ValueId n = norm("attn_norm", x);
    ValueId q = g.view(blk + "q", linear("attn_q", n, H * E, D), {dim_T, H, E});
    ValueId k = g.view(blk + "k", linear("attn_k", n, G * E, D), {dim_T, G, E});
    const ValueId v = g.view(blk + "v", linear("attn_v", n, G * E, D), {dim_T, G, E});
    q = g.rope(blk + "q_rope", q, rope);
    k = g.rope(blk + "k_rope", k, rope);
    const ValueId a = g.attention(blk + "attention", q, k, v, {layer, 0.35f, 0, 0});
    x = g.add(blk + "attn_residual", x,
              linear("attn_output", g.view(blk + "a", a, {dim_T, H * E}), D, H * E));
    n = norm("ffn_norm", x);
    const ValueId gate = linear("ffn_gate", n, F, D);
    const ValueId up = linear("ffn_up", n, F, D);
    const ValueId act = g.gated(blk + "ffn_act", gate, up, Activation::silu);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", act, D, F));
  }
  x = g.rms_norm("output_norm", g.select_outputs("wanted", x), g.param("output_norm.weight", {D}),
                 1e-5f);
  g.set_logits(g.linear("logits", x, g.param("output.weight", {V, D})));
  return g.finish().value();
}

// An executor over random weights with a cache of blocks handed out back to front.
struct Machine {
  ThreadPool pool;
  std::vector<Tensor> params;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<KvCache> kv;
  std::vector<int32_t> blocks{5, 4, 3, 2, 1, 0};
  std::vector<int32_t> tokens;

  explicit Machine(const Graph& graph, int n_threads = 2, DType kv_dtype = DType::f32)
      : pool(n_threads) {
    Rng rng(3);
    std::vector<TensorView> views;
    for (ValueId id : graph.all(Role::parameter)) {
      const Value& value = graph.value(id);
      Tensor tensor(DType::f32, value.shape.size() == 1
                                    ? Shape{value.shape[0].n}
                                    : Shape{value.shape[0].n, value.shape[1].n});
      for (int64_t i = 0; i < tensor.shape().n_elements(); ++i)
        tensor.f32()[i] =
            static_cast<float>(0.3 * rng.normal() + (value.shape.size() == 1 ? 1 : 0));
      params.push_back(tensor);
      views.push_back(tensor.view());
    }
    executor = std::make_unique<Executor>(Executor::create(graph, views, pool, {64, 64}).value());
    kv = std::make_unique<KvCache>(
        KvCache::create({graph.kv_layers, 6, kv_dtype, kv_dtype}).value());
    for (int i = 0; i < 40; ++i) tokens.push_back(static_cast<int32_t>(rng.below(V)));
  }

  // Rows [begin, end) of the one sequence; the logits of all of them.
  std::vector<float> run(int64_t begin, int64_t end) {
    const auto n = static_cast<size_t>(end - begin);
    std::vector<int32_t> positions(n), wanted(n);
    std::iota(positions.begin(), positions.end(), static_cast<int32_t>(begin));
    std::iota(wanted.begin(), wanted.end(), 0);
    const SequenceRows rows{0, end - begin, begin, blocks};
    executor->run({std::span(tokens).subspan(static_cast<size_t>(begin), n),
                   positions,
                   wanted,
                   {},
                   {&rows, 1}},
                  kv.get());
    const View<float, 2> logits = executor->value(executor->graph().logits);
    return {logits.data(), logits.data() + logits.n_elements()};
  }
};

void expect_near(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
}

TEST(Executor, FusionDoesNotChangeABit) {
  Machine plain(small_llama()), fused(fuse(small_llama()));
  EXPECT_EQ(plain.run(0, 40), fused.run(0, 40));
}

TEST(Executor, GivesTheSameBitsForAnyNumberOfThreads) {
  Machine one(fuse(small_llama()), 1), two(fuse(small_llama()), 2), five(fuse(small_llama()), 5);
  const std::vector<float> expected = one.run(0, 40);
  for (int repeat = 0; repeat < 20; ++repeat) {
    ASSERT_EQ(two.run(0, 40), expected);
    ASSERT_EQ(five.run(0, 40), expected);
  }
}

TEST(Executor, TokenByTokenEqualsAllAtOnce) {
  Machine whole(fuse(small_llama())), steps(fuse(small_llama()));
  const std::vector<float> expected = whole.run(0, 40);
  std::vector<float> got;
  for (int64_t t = 0; t < 40; ++t) {
    const std::vector<float> row = steps.run(t, t + 1);
    got.insert(got.end(), row.begin(), row.end());
  }
  expect_near(got, expected,
              2e-5f);  // sums in another order: a few units in the last place of numbers near 1
}

TEST(Executor, CacheInF16StaysClose) {
  Machine exact(fuse(small_llama())), half(fuse(small_llama()), 2, DType::f16);
  expect_near(half.run(0, 40), exact.run(0, 40), 0.02f);  // keys and values rounded to 11 bits
}

TEST(Executor, TwoSequencesInOneBatchDoNotMix) {
  Machine apart(fuse(small_llama())), together(fuse(small_llama()));
  const std::vector<float> alone = apart.run(0, 10);
  std::vector<int32_t> tokens(together.tokens.begin(), together.tokens.begin() + 10);
  tokens.insert(tokens.end(), together.tokens.begin(), together.tokens.begin() + 10);
  std::vector<int32_t> positions(20), wanted(20);
  for (int i = 0; i < 20; ++i)
    positions[static_cast<size_t>(i)] = i % 10, wanted[static_cast<size_t>(i)] = i;
  const std::vector<int32_t> first{0, 1}, second{2, 3};
  const SequenceRows rows[] = {{0, 10, 0, first}, {10, 10, 0, second}};
  together.executor->run({tokens, positions, wanted, {}, rows}, together.kv.get());
  const View<float, 2> logits = together.executor->value(together.executor->graph().logits);
  for (int64_t t = 0; t < 10; ++t)
    for (int64_t v = 0; v < V; ++v) {
      ASSERT_EQ(logits(t, v), logits(t + 10, v));
      ASSERT_NEAR(logits(t, v), alone[static_cast<size_t>(t * V + v)], 2e-5f);
    }
}

TEST(Executor, ComputesOnlyTheWantedRows) {
  Machine m(fuse(small_llama()));
  const std::vector<float> all = m.run(0, 20);
  std::vector<int32_t> positions(20);
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int32_t> wanted{3, 19};
  const SequenceRows rows{0, 20, 0, m.blocks};
  m.executor->run({std::span(m.tokens).first(20), positions, wanted, {}, {&rows, 1}}, m.kv.get());
  const View<float, 2> logits = m.executor->value(m.executor->graph().logits);
  ASSERT_EQ(logits.dim(0), 2);
  for (int64_t v = 0; v < V; ++v) {
    EXPECT_NEAR(logits(0, v), all[static_cast<size_t>(3 * V + v)], 2e-5f);
    EXPECT_NEAR(logits(1, v), all[static_cast<size_t>(19 * V + v)], 2e-5f);
  }
}

TEST(Taps, ReadAndEditNamedValues) {
  Machine m(fuse(small_llama()));
  const std::vector<float> before = m.run(0, 8);
  std::vector<float> seen;
  int64_t n_rows = 0;
  ASSERT_TRUE(m.executor
                  ->set_taps({{"blk.0.ffn_residual",
                               [&](const Batch& batch, View<float, 2> value) {
                                 n_rows = value.dim(0);
                                 EXPECT_EQ(batch.tokens.size(), 8u);
                                 seen.assign(value.data(), value.data() + value.n_elements());
                               }}})
                  .has_value());
  EXPECT_EQ(m.run(0, 8), before);  // looking changes nothing
  EXPECT_EQ(n_rows, 8);
  EXPECT_EQ(seen.size(), static_cast<size_t>(8 * D));
  ASSERT_TRUE(m.executor
                  ->set_taps({{"logits",
                               [](const Batch&, View<float, 2> value) {
                                 for (int64_t i = 0; i < value.n_elements(); ++i)
                                   value.data()[i] = 7;
                               }}})
                  .has_value());
  EXPECT_THAT(m.run(0, 8), ::testing::Each(7.0f));
}

TEST(Taps, NameWhatDoesNotExist) {
  Machine m(fuse(small_llama()));
  const auto result = m.executor->set_taps({{"blk.9.nothing", {}}});
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().text, ::testing::HasSubstr("'blk.9.nothing'"));
}

TEST(Profile, CountsEveryNode) {
  Machine m(fuse(small_llama()));
  m.executor->set_profile(Executor::Profile::on);
  const std::vector<float> logits = m.run(0, 8);
  const std::vector<NodeTime> times = m.executor->profile();
  EXPECT_GT(times.size(), 10u);
  for (const NodeTime& time : times) EXPECT_EQ(time.n_runs, 1) << time.name;
  m.executor->set_profile(Executor::Profile::off);
  EXPECT_EQ(m.run(0, 8), logits);
}

TEST(Barriers, StandAroundProductsButNotBetweenRowWork) {
  const Graph graph = small_llama();
  std::vector<Step> steps =
      make_steps(graph, std::vector<TensorView>(graph.values.size()), Precision::exact);
  const Binding largest{16, 16, 0};
  const ArenaPlan plan = plan_arena(graph, largest);
  place_barriers(steps, graph, plan.offset, largest);
  int n_products = 0;
  for (const Step& step : steps) {
    const std::string& name = graph.value(step.node->outputs[0]).name;
    const bool first_to_read = name.ends_with("attn_q") || name.ends_with("attn_output") ||
                               name.ends_with("ffn_gate") || name.ends_with("ffn_down");
    if (step.node->op == Op::linear && first_to_read) {
      EXPECT_TRUE(step.barrier_before) << name;
      ++n_products;
    }
    if (step.node->op == Op::rope && name.ends_with("k_rope")) {
      EXPECT_FALSE(step.barrier_before) << "both ropes read what one barrier made visible";
    }
  }
  EXPECT_EQ(n_products, 8);
}

TEST(KvCacheErrors, NameTypeAndWidth) {
  const auto result = KvCache::create({{{2, 8, 8}}, 4, DType::q8_0, DType::f32});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().fault, Fault::unsupported);
  EXPECT_THAT(result.error().text,
              ::testing::HasSubstr("Q8_0 stores 32 numbers at a time, but a key has 8"));
  EXPECT_EQ(KvCache::create({{{1 << 20, 1 << 20, 1 << 20}}, 1 << 20}).error().fault, Fault::limit);
}

TEST(KvCacheBytes, CountKeysAndValuesOfAllLayers) {
  EXPECT_EQ(KvCache::bytes_for({{{2, 64, 32}, {1, 7, 8}}, 1, DType::f16, DType::f32}, 100),
            (2 * 64 * 2 + 2 * 32 * 4 + 8 * 2 + 8 * 4) * 128);
}

}  // namespace
}  // namespace quire
