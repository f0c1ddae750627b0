// Mixtures of experts and work within heads, as far as a graph can be judged without running it.
#include "graph/autodiff.h"
#include "graph/builder.h"
#include "graph/cost.h"
#include "graph/emit_c.h"
#include "graph/fuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

using ::testing::HasSubstr;

constexpr int64_t V = 50, D = 16, F = 12, X = 8, K = 2;

// An embedding, one mixture of experts, an output matrix.
Graph mixture(GraphBuilder::Purpose purpose) {
  GraphBuilder g;
  g.set_purpose(purpose);
  const ValueId table = g.param("table", {V, D});
  const ValueId x = g.embed("embed", g.tokens(), table);
  const ValueId logits = g.linear("router", x, g.param("router.weight", {X, D}));
  const auto chosen = g.route("route", logits, {.n_used = K, .normalize = true});
  const auto expert = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in) {
    return g.expert_linear(name, in, chosen.experts,
                           g.param(std::string(name) + ".weight", {X, n_out, n_in}),
                           g.param(std::string(name) + ".bias", {X, n_out}));
  };
  const ValueId gate = expert("gate", x, F, D);
  const ValueId act = g.gated("act", gate, expert("up", x, F, D), Activation::silu);
  const ValueId sum = g.expert_sum("sum", expert("down", act, D, F), chosen.weights);
  g.set_logits(g.linear("logits", g.select_outputs("wanted", sum), table));
  return g.finish().value();
}

TEST(Experts, ShapesAreInferredAndPrinted) {
  const std::string text = print(mixture(GraphBuilder::Purpose::inference));
  EXPECT_THAT(text, HasSubstr("route_weights (T, 2), route_experts (T, 2) = route(router; softmax, "
                              "normalize, scale=1)"));
  EXPECT_THAT(text, HasSubstr("gate (T, 2, 12) = expert_linear(embed, route_experts, gate.weight, "
                              "gate.bias)"));
  EXPECT_THAT(text, HasSubstr("down (T, 2, 16) = expert_linear(act, route_experts"));
  EXPECT_THAT(text, HasSubstr("sum (T, 16) = expert_sum(down, route_weights)"));
}

TEST(Experts, MistakesAreExplained) {
  const auto text_of = [](const auto& build) {
    GraphBuilder g;
    const ValueId x = g.embed("embed", g.tokens(), g.param("table", {V, D}));
    const ValueId logits = g.linear("router", x, g.param("router.weight", {X, D}));
    build(g, x, logits);
    const auto graph = g.finish();
    return graph.has_value() ? std::string("no mistake") : graph.error().text;
  };
  EXPECT_THAT(
      text_of([](auto& g, ValueId, ValueId logits) { g.route("r", logits, {.n_used = 9}); }),
      HasSubstr("9 experts of 8 cannot be used"));
  EXPECT_THAT(text_of([](auto& g, ValueId, ValueId logits) {
                g.route("r", logits, {.n_used = 2, .n_groups = 3});
              }),
              HasSubstr("8 experts cannot be taken from 1 of 3 equal groups"));
  EXPECT_THAT(text_of([](auto& g, ValueId, ValueId logits) {
                g.route("r", logits, {.n_used = 2}, g.param("bias", {3}));
              }),
              HasSubstr("needs one number for each of the 8 experts"));
  EXPECT_THAT(text_of([](auto& g, ValueId x, ValueId logits) {
                g.expert_linear("e", x, g.route("r", logits, {}).experts,
                                g.param("w", {X, F, D + 1}));
              }),
              HasSubstr("but the weight is 'w' (8, 12, 17): it must be (experts, N, 16)"));
  EXPECT_THAT(text_of([](auto& g, ValueId x, ValueId logits) {
                g.expert_sum("s", x, g.route("r", logits, {}).weights);
              }),
              HasSubstr("they must be (T, K, N) and (T, K)"));
  EXPECT_THAT(text_of([](auto& g, ValueId x, ValueId) {
                g.slice("s", g.view("v", x, {dim_T, 2, 8}), 5, 4);
              }),
              HasSubstr("have no 4 elements from 5 on"));
  EXPECT_THAT(text_of([](auto& g, ValueId x, ValueId) {
                g.join("j", g.view("a", x, {dim_T, 4, 4}), g.view("b", x, {dim_T, 2, 8}));
              }),
              HasSubstr("cannot be joined"));
  EXPECT_THAT(text_of([](auto& g, ValueId x, ValueId) {
                g.head_linear("h", g.view("v", x, {dim_T, 2, 8}), g.param("w", {2, 5, 4}));
              }),
              HasSubstr("they must be (T, H, E) and (H, N, E)"));
}

TEST(Experts, ProductsOfOneValueBecomeOneNode) {
  const Graph fused = fuse(mixture(GraphBuilder::Purpose::inference));
  const std::string text = print(fused);
  EXPECT_THAT(text, HasSubstr("gate (T, 2, 12), up (T, 2, 12) = expert_linear(embed, "
                              "route_experts, gate.weight, up.weight, gate.bias, up.bias)"));
  EXPECT_THAT(text, HasSubstr("down (T, 2, 16) = expert_linear(act, route_experts, down.weight, "
                              "down.bias)"));
}

TEST(Experts, CostCountsTheExpertsThatAreUsed) {
  const Graph graph = mixture(GraphBuilder::Purpose::inference);
  for (const Node& node : graph.nodes) {
    if (graph.value(node.outputs[0]).name != "gate") continue;
    const double all = 4.0 * static_cast<double>(X * (F * D + F));
    const Cost one = node_cost(graph, node, {1, 1, 0}, {}),
               many = node_cost(graph, node, {9, 1, 0}, {});
    EXPECT_DOUBLE_EQ(one.flops, 2.0 * K * F * D);
    EXPECT_DOUBLE_EQ(many.flops, 9 * one.flops);
    EXPECT_DOUBLE_EQ(one.weight_bytes, all * K / X);
    EXPECT_DOUBLE_EQ(many.weight_bytes, all * (1 - std::pow(1 - double{K} / double{X}, 9)));
    return;
  }
  FAIL() << "no gate";
}

TEST(Experts, AreRefusedWhereTheyCannotBeTrainedOrPrintedAsC) {
  const auto trained = differentiate(mixture(GraphBuilder::Purpose::training));
  ASSERT_FALSE(trained.has_value());
  EXPECT_EQ(trained.error().fault, Fault::unsupported);
  EXPECT_THAT(trained.error().text, HasSubstr("expert_sum has no backward rule"));
  const auto printed = emit_c(mixture(GraphBuilder::Purpose::inference), {.n_ctx = 8});
  ASSERT_FALSE(printed.has_value());
  EXPECT_EQ(printed.error().fault, Fault::unsupported);
  EXPECT_THAT(printed.error().text, HasSubstr("the operation route cannot be printed as C"));
}

}  // namespace
}  // namespace quire
