// Operations that keep a state for every sequence, as far as a graph can be judged.
#include "graph/autodiff.h"
#include "graph/builder.h"
#include "graph/cost.h"
#include "graph/emit_c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::HasSubstr;

constexpr int64_t V = 50, D = 24, H = 4, P = 6, G = 2, N = 3, W = 4;

Graph recurrent(GraphBuilder::Purpose purpose) {
  GraphBuilder g;
  g.set_purpose(purpose);
  const ValueId table = g.param("table", {V, D});
  const ValueId x = g.embed("embed", g.tokens(), table);
  const ValueId conv = g.causal_conv("conv", x, g.param("conv.weight", {D, W}));
  const ValueId dt = g.linear("dt", x, g.param("dt.weight", {H, D}));
  const auto groups = [&](const char* name) {
    const ValueId rows = g.linear(name, x, g.param(std::string(name) + ".weight", {G * N, D}));
    return g.view(std::string(name) + "_groups", rows, {dim_T, G, N});
  };
  const ValueId b = groups("b"), c = groups("c");
  const ValueId y = g.ssm_scan(
      "scan", g.view("heads", conv, {dim_T, H, P}), dt, b, c,
      {.a = g.param("a", {H, 1}), .d = g.param("d", {H, 1}), .dt_bias = g.param("dt.bias", {H})});
  const ValueId n = g.rms_norm("norm", y, g.param("norm.weight", {H, P}), 1e-5f);
  g.set_logits(
      g.linear("logits", g.select_outputs("wanted", g.view("rows", n, {dim_T, D})), table));
  return g.finish().value();
}

TEST(State, EachNodeThatKeepsOneHasItsOwn) {
  const Graph graph = recurrent(GraphBuilder::Purpose::inference);
  EXPECT_EQ(graph.state_sizes, (std::vector<int64_t>{D * (W - 1), H * P * N}));
  EXPECT_TRUE(graph.kv_layers.empty());
  EXPECT_THAT(print(graph), HasSubstr("scan (T, 4, 6) = ssm_scan(heads, dt, b_groups, c_groups, a, "
                                      "d, dt.bias; state=1)"));
}

TEST(State, CostCountsReadingAndWritingIt) {
  const Graph graph = recurrent(GraphBuilder::Purpose::inference);
  for (const Node& node : graph.nodes) {
    if (node.op != Op::ssm_scan) continue;
    const Cost cost = node_cost(graph, node, {.n_rows = 5}, {});
    EXPECT_DOUBLE_EQ(cost.kv_bytes, 8.0 * H * P * N);
    EXPECT_DOUBLE_EQ(cost.flops, 6.0 * 5 * H * P * N);
    return;
  }
  FAIL() << "no scan";
}

TEST(State, MistakesAreExplained) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {V, D}));
  g.causal_conv("conv", x, g.param("conv.weight", {D, 17}));
  EXPECT_THAT(g.finish().error().text, HasSubstr("'conv.weight' (24, 17) looks at more than 16"));
  GraphBuilder h;
  const ValueId y = h.embed("embed", h.tokens(), h.param("table", {V, D}));
  h.rms_norm("norm", h.view("heads", y, {dim_T, H, P}), h.param("w", {H + 1, P}), 1e-5f);
  EXPECT_THAT(h.finish().error().text, HasSubstr("but the weight is 'w' (5, 6)"));
}

TEST(State, IsRefusedWhereItCannotBeTrainedOrPrintedAsC) {
  const auto trained = differentiate(recurrent(GraphBuilder::Purpose::training));
  ASSERT_FALSE(trained.has_value());
  EXPECT_EQ(trained.error().fault, Fault::unsupported);
  const auto printed = emit_c(recurrent(GraphBuilder::Purpose::inference), {.n_ctx = 8});
  ASSERT_FALSE(printed.has_value());
  EXPECT_THAT(printed.error().text, HasSubstr("causal_conv cannot be printed as C"));
}

}  // namespace
}  // namespace quire
