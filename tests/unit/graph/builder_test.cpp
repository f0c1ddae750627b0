#include "graph/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::HasSubstr;

TEST(Builder, InfersShapesOfEveryOperation) {
  GraphBuilder g;
  const ValueId table = g.param("table", {50, 16});
  const ValueId x = g.embed("x", g.tokens(), table);
  const ValueId y =
      g.linear("y", g.rms_norm("n", x, g.param("w", {16}), 1e-5f), g.param("m", {24, 16}));
  const ValueId part = g.columns("part", y, 8, 16);
  const ValueId heads = g.view("heads", part, {dim_T, 2, 8});
  g.set_logits(g.linear("logits", g.select_outputs("wanted", x), table));
  const Graph graph = g.finish().value();
  EXPECT_EQ(text(graph.value(y).shape), "(T, 24)");
  EXPECT_EQ(text(graph.value(heads).shape), "(T, 2, 8)");
  EXPECT_EQ(text(graph.value(graph.logits).shape), "(R, 50)");
  EXPECT_EQ(graph.root(heads), y);
  EXPECT_EQ(graph.root_column(heads), 8);
  EXPECT_EQ(graph.all(Role::parameter).size(), 3u);  // the tied table once
}

TEST(Builder, ExplainsAMatrixThatDoesNotFit) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 16}));
  g.set_logits(g.linear("blk.0.attn_q", x, g.param("blk.0.attn_q.weight", {32, 24})));
  const auto graph = g.finish();
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().fault, Fault::bad_format);
  EXPECT_EQ(graph.error().text,
            "blk.0.attn_q: linear: x is 'embed' (T, 16) but the weight is 'blk.0.attn_q.weight' "
            "(32, 24): "
            "their last dimensions must agree");
}

TEST(Builder, ReportsTheFirstMistakeOnly) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 16}));
  const ValueId bad = g.rms_norm("first", x, g.param("w", {8}), 1e-5f);
  g.set_logits(g.linear("second", bad, g.param("m", {3, 3})));
  EXPECT_THAT(g.finish().error().text, HasSubstr("first: rms_norm: "));
}

TEST(Builder, RefusesHeadsThatDoNotDivide) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 24}));
  const ValueId q = g.view("q", x, {dim_T, 3, 8});
  const ValueId kv = g.view("kv", g.linear("m", x, g.param("w", {16, 24})), {dim_T, 2, 8});
  g.attention("attention", q, kv, kv, {});
  EXPECT_THAT(g.finish().error().text, HasSubstr("the 3 query heads must be a multiple of the 2"));
}

TEST(Builder, KeepsWhatEachLayerNeedsOfAPosition) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 24}));
  const ValueId q = g.view("q", x, {dim_T, 4, 6});
  const ValueId k = g.view("k", g.linear("mk", x, g.param("wk", {12, 24})), {dim_T, 2, 6});
  const ValueId v = g.view("v", g.linear("mv", x, g.param("wv", {10, 24})), {dim_T, 2, 5});
  const ValueId a = g.attention("attention", q, k, v, {.layer = 1}, g.param("sinks", {4}));
  g.set_logits(g.view("logits", a, {dim_T, 20}));
  const Graph graph = g.finish().value();
  EXPECT_EQ(graph.kv_layers, (std::vector<KvLayer>{{}, {2, 6, 5}}));
}

TEST(Builder, RefusesSinksThatAreNotOneForEachHead) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 24}));
  const ValueId q = g.view("q", x, {dim_T, 4, 6});
  g.attention("attention", q, q, q, {}, g.param("sinks", {2}));
  EXPECT_THAT(g.finish().error().text, HasSubstr("one number for each of the 4 query heads"));
}

TEST(Builder, RefusesOneNameWithTwoShapes) {
  GraphBuilder g;
  g.param("w", {4});
  g.param("w", {5});
  EXPECT_THAT(g.finish().error().text, HasSubstr("parameter w is used as (4) and as (5)"));
}

TEST(Builder, RefusesDimensionsThatAreNotPositive) {
  GraphBuilder g;
  g.param("w", {4, 0});
  EXPECT_THAT(g.finish().error().text, HasSubstr("every dimension must be positive"));
}

TEST(Builder, MakesOneRopeTableForAllLayers) {
  GraphBuilder g;
  const ValueId x =
      g.view("x", g.embed("embed", g.tokens(), g.param("table", {50, 16})), {dim_T, 2, 8});
  auto frequencies = std::make_shared<RopeFrequencies>();
  frequencies->frequencies = {1.0, 0.1};
  const RopeAttributes attributes{RopePairs::halves, frequencies};
  g.rope("a", x, attributes);
  g.rope("b", x, attributes);
  const Graph graph = g.finish().value();
  int n_tables = 0;
  for (const Node& node : graph.nodes) n_tables += node.op == Op::rope_table;
  EXPECT_EQ(n_tables, 1);
}

TEST(Builder, PrintsOneLinePerNode) {
  GraphBuilder g;
  const ValueId x = g.embed("embed", g.tokens(), g.param("table", {50, 16}));
  g.set_logits(g.linear("logits", x, g.param("head", {50, 16})));
  EXPECT_EQ(print(g.finish().value()),
            "embed (T, 16) = embed(table, tokens)\nlogits (T, 50) = linear(embed, head)\n");
}

TEST(Builder, TrainingEndsInALossOverAllRows) {
  GraphBuilder g;
  g.set_purpose(GraphBuilder::Purpose::training);
  const ValueId table = g.param("table", {50, 16});
  const ValueId x = g.embed("x", g.tokens(), table);
  g.set_logits(g.linear("logits", g.select_outputs("wanted", x), table));
  const Graph graph = g.finish().value();
  EXPECT_EQ(text(graph.value(graph.logits).shape), "(T, 50)");
  EXPECT_EQ(text(graph.value(graph.loss).shape), "(T)");
  EXPECT_NE(graph.inputs.targets, no_value);
}

}  // namespace
}  // namespace quire
