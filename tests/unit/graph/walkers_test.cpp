// Arena, fusion, cost and differentiation, as far as they can be judged without running anything.
#include "graph/arena.h"
#include "graph/autodiff.h"
#include "graph/builder.h"
#include "graph/cost.h"
#include "graph/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace quire {
namespace {

// Two layers of a small Llama.
Graph small_llama(GraphBuilder::Purpose purpose) {
  constexpr int64_t D = 32, H = 4, G = 2, E = 8, F = 48, V = 64;
  GraphBuilder g;
  g.set_purpose(purpose);
  auto frequencies = std::make_shared<RopeFrequencies>();
  frequencies->frequencies = {1.0, 0.1, 0.01, 0.001};
  const RopeAttributes rope{RopePairs::neighbours, frequencies};
  const ValueId table = g.param("table", {V, D});
  ValueId x = g.embed("embed", g.tokens(), table);
  for (int layer = 0; layer < 2; ++layer) {
    const std::string blk = "blk." + std::to_string(layer) + ".";
    const auto weight = [&](const char* name, int64_t n, int64_t k) {
      return g.param(blk + name + ".weight", {n, k});
    };
    ValueId n = g.rms_norm(blk + "attn_norm", x, g.param(blk + "attn_norm.weight", {D}), 1e-5f);
    const ValueId q =
        g.view(blk + "q", g.linear(blk + "attn_q", n, weight("attn_q", H * E, D)), {dim_T, H, E});
    const ValueId k =
        g.view(blk + "k", g.linear(blk + "attn_k", n, weight("attn_k", G * E, D)), {dim_T, G, E});
    const ValueId v =
        g.view(blk + "v", g.linear(blk + "attn_v", n, weight("attn_v", G * E, D)), {dim_T, G, E});
    const ValueId a = g.attention(blk + "attention", g.rope(blk + "q_rope", q, rope),
                                  g.rope(blk + "k_rope", k, rope), v, {layer, 0.35f, 0, 0});
    const ValueId rows = g.view(blk + "attention_rows", a, {dim_T, H * E});
    x = g.add(blk + "attn_residual", x,
              g.linear(blk + "attn_output", rows, weight("attn_output", D, H * E)));
    n = g.rms_norm(blk + "ffn_norm", x, g.param(blk + "ffn_norm.weight", {D}), 1e-5f);
    const ValueId act =
        g.gated(blk + "ffn_act", g.linear(blk + "ffn_gate", n, weight("ffn_gate", F, D)),
                g.linear(blk + "ffn_up", n, weight("ffn_up", F, D)), Activation::silu);
    x = g.add(blk + "ffn_residual", x, g.linear(blk + "ffn_down", act, weight("ffn_down", D, F)));
  }
  x = g.rms_norm("output_norm", g.select_outputs("wanted", x), g.param("output_norm.weight", {D}),
                 1e-5f);
  g.set_logits(g.linear("logits", x, table));
  return g.finish().value();
}

// No two values share bytes while both are alive, except a result written over an input that dies
// there.
void expect_no_overlap(const Graph& graph, const Binding& binding) {
  const ArenaPlan plan = plan_arena(graph, binding);
  std::vector<int> first(graph.values.size(), -1), last(graph.values.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const auto* ids : {&graph.nodes[i].outputs, &graph.nodes[i].inputs})
      for (ValueId id : *ids) {
        const auto root = static_cast<size_t>(graph.root(id));
        if (first[root] < 0) first[root] = static_cast<int>(i);
        last[root] = static_cast<int>(i);
      }
  }
  for (ValueId id : graph.outputs)
    last[static_cast<size_t>(graph.root(id))] = static_cast<int>(graph.nodes.size());
  for (size_t a = 0; a < graph.values.size(); ++a) {
    if (plan.offset[a] < 0 || graph.values[a].alias_of != no_value) continue;
    const int64_t a_end = plan.offset[a] + 4 * binding.n_elements(graph.values[a].shape);
    EXPECT_LE(a_end, plan.n_bytes);
    EXPECT_EQ(plan.offset[a] % 64, 0);
    for (size_t b = a + 1; b < graph.values.size(); ++b) {
      if (plan.offset[b] < 0 || graph.values[b].alias_of != no_value) continue;
      const int64_t b_end = plan.offset[b] + 4 * binding.n_elements(graph.values[b].shape);
      const bool bytes_meet = plan.offset[a] < b_end && plan.offset[b] < a_end;
      const bool lives_meet =
          first[a] < last[b] && first[b] < last[a];  // touching at one node is in-place
      EXPECT_FALSE(bytes_meet && lives_meet)
          << graph.values[a].name << " and " << graph.values[b].name;
    }
  }
}

TEST(Arena, LivingValuesNeverShareBytes) {
  const Graph inference = small_llama(GraphBuilder::Purpose::inference);
  expect_no_overlap(inference, {64, 64, 0});
  expect_no_overlap(inference, {17, 1, 0});
  expect_no_overlap(fuse(inference), {64, 3, 0});
  expect_no_overlap(differentiate(small_llama(GraphBuilder::Purpose::training)).value(),
                    {40, 40, 0});
}

TEST(Arena, ReusesMemoryOfTheDead) {
  const ArenaPlan plan = plan_arena(small_llama(GraphBuilder::Purpose::inference), {64, 64, 0});
  EXPECT_LT(plan.n_bytes * 2, plan.n_bytes_naive);
}

std::multiset<Op> ops(const Graph& graph) {
  std::multiset<Op> all;
  for (const Node& node : graph.nodes) all.insert(node.op);
  return all;
}

TEST(Fuse, MergesGroupsGatesAndNorms) {
  const auto fused = ops(fuse(small_llama(GraphBuilder::Purpose::inference)));
  EXPECT_EQ(fused.count(Op::linear_group), 2u);
  EXPECT_EQ(fused.count(Op::linear_gated), 2u);
  EXPECT_EQ(fused.count(Op::gated), 0u);
  EXPECT_EQ(fused.count(Op::add_rms_norm),
            3u);  // two in the first layer, one before the second's feed-forward
}

TEST(Fuse, LeavesValuesThatATapReads) {
  const Graph fused = fuse(small_llama(GraphBuilder::Purpose::inference),
                           {{"blk.0.ffn_gate", "blk.1.attn_residual"}});
  const auto produced = [&](const char* name) {
    const ValueId id = fused.find(name);
    return std::any_of(fused.nodes.begin(), fused.nodes.end(), [&](const Node& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end();
    });
  };
  EXPECT_TRUE(produced("blk.0.ffn_gate"));
  EXPECT_FALSE(produced("blk.1.ffn_gate"));
  EXPECT_EQ(ops(fused).count(Op::add_rms_norm), 2u);
}

TEST(Fuse, LeavesTrainingGraphsAlone) {
  const Graph graph = small_llama(GraphBuilder::Purpose::training);
  EXPECT_EQ(ops(fuse(graph)), ops(graph));
}

TEST(Cost, CountsTwoOperationsPerWeightAndToken) {
  const Graph graph = small_llama(GraphBuilder::Purpose::inference);
  double weights = 0;
  for (ValueId id : graph.all(Role::parameter))
    if (graph.value(id).shape.size() == 2)
      weights += static_cast<double>(Binding{}.n_elements(graph.value(id).shape));
  const Cost cost = graph_cost(graph, {1, 1, 0});
  // The matrices dominate: every one is multiplied once, the tied table as the head.
  EXPECT_GT(cost.flops, 2 * weights);
  EXPECT_LT(cost.flops, 2 * weights * 1.2);
  EXPECT_NEAR(cost.weight_bytes, 4 * weights, 4 * weights * 0.05);
}

TEST(Cost, AttentionGrowsWithThePast) {
  const Graph graph = small_llama(GraphBuilder::Purpose::inference);
  const double near = graph_cost(graph, {1, 1, 100}).kv_bytes;
  const double far = graph_cost(graph, {1, 1, 1000}).kv_bytes;
  EXPECT_NEAR(far / near, 1001.0 / 101.0, 1e-9);
}

TEST(Cost, FusionChangesNoCountOfProducts) {
  const Graph graph = small_llama(GraphBuilder::Purpose::inference);
  const double plain = graph_cost(graph, {512, 1, 0}).flops;
  EXPECT_NEAR(graph_cost(fuse(graph), {512, 1, 0}).flops / plain, 1, 0.01);
}

TEST(Autodiff, GivesEveryParameterAGradient) {
  const Graph graph = differentiate(small_llama(GraphBuilder::Purpose::training)).value();
  EXPECT_EQ(graph.all(Role::gradient).size(), graph.all(Role::parameter).size());
  for (ValueId id : graph.all(Role::gradient)) {
    const bool written = std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end();
    });
    EXPECT_TRUE(written) << graph.value(id).name;
  }
}

TEST(Autodiff, TrainsOnlyWhatIsWanted) {
  const Graph graph =
      differentiate(small_llama(GraphBuilder::Purpose::training), [](std::string_view name) {
        return name == "blk.1.ffn_down.weight";
      }).value();
  ASSERT_EQ(graph.all(Role::gradient).size(), 1u);
  EXPECT_EQ(ops(graph).count(Op::attention_backward), 0u);  // nothing below that matrix is walked
}

TEST(Autodiff, SinksAreConstantsOrRefused) {
  const auto build = [] {
    GraphBuilder g;
    g.set_purpose(GraphBuilder::Purpose::training);
    const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 16}));
    const ValueId q = g.view("q", x, {dim_T, 2, 8});
    const ValueId a = g.attention("attention", q, q, q, {}, g.param("sinks", {2}));
    g.set_logits(g.linear("logits", g.view("rows", a, {dim_T, 16}), g.param("head", {50, 16})));
    return g.finish().value();
  };
  EXPECT_TRUE(differentiate(build(), [](std::string_view name) { return name != "sinks"; }));
  EXPECT_THAT(differentiate(build()).error().text,
              ::testing::HasSubstr("attention: the sinks 'sinks' of an attention cannot be "
                                   "trained"));
}

TEST(Autodiff, RefusesAGraphWithoutALoss) {
  const auto result = differentiate(small_llama(GraphBuilder::Purpose::inference));
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().text, ::testing::HasSubstr("no loss"));
}

}  // namespace
}  // namespace quire
