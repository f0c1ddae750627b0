// Adapters as edits of a graph, as far as it can be judged without running it.
#include "graph/adapters.h"

#include "graph/builder.h"
#include "graph/fuse.h"
#include "graph/hidden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t V = 50, D = 16, F = 24;

// An embedding, two matrices that read the same rows, a sum, a tied head.
Graph small_graph() {
  GraphBuilder g;
  const ValueId table = g.param("token_embd.weight", {V, D});
  const ValueId x = g.embed("embed", g.tokens(), table);
  const ValueId gate = g.linear("gate", x, g.param("gate.weight", {F, D}));
  const ValueId up = g.linear("up", x, g.param("up.weight", {F, D}), g.param("up.bias", {F}));
  const ValueId act = g.gated("act", gate, up, Activation::silu);
  const ValueId down = g.linear("down", act, g.param("down.weight", {D, F}));
  const ValueId y = g.add("blk.0.ffn_residual", x, down);
  const ValueId n = g.rms_norm("norm", y, g.param("norm.weight", {D}), 1e-5f);
  g.set_logits(g.linear("logits", g.select_outputs("wanted", n), table));
  return g.finish().value();
}

TEST(GraphAdapters, ALowRankProductTakesThePlaceOfTheValueItChanges) {
  Graph graph = small_graph();
  add_low_rank(graph, {"up.weight", {{0, 4, 2.0f}, {1, 2, 0.5f}}});
  const std::string text = print(graph);
  EXPECT_THAT(text, HasSubstr("up.base (T, 24) = linear(embed, up.weight, up.bias)"));
  EXPECT_THAT(text, HasSubstr("up.lora_down (T, 6) = linear(embed, up.weight.lora_a)"));
  EXPECT_THAT(text, HasSubstr("up.lora_scaled (T, 6) = adapter_scale(up.lora_down; adapter 0: 4 by "
                              "2, adapter 1: 2 by 0.5)"));
  EXPECT_THAT(text, HasSubstr("up.lora_up (T, 24) = linear(up.lora_scaled, up.weight.lora_b)"));
  EXPECT_THAT(text, HasSubstr("up (T, 24) = add(up.base, up.lora_up)"));
  EXPECT_THAT(text, HasSubstr("act (T, 24) = gated(gate, up; silu)"));
  EXPECT_EQ(n_adapters(graph), 2);
}

TEST(GraphAdapters, ProductsOfTheSameRowsStillRunAsOne) {
  Graph graph = small_graph();
  add_low_rank(graph, {"gate.weight", {{0, 4, 1}}});
  const std::string text = print(fuse(std::move(graph)));
  EXPECT_THAT(text, HasSubstr("= linear_group(embed, gate.weight, gate.weight.lora_a)"));
}

TEST(GraphAdapters, ATiedEmbeddingAndItsHeadAreTwoTargets) {
  Graph graph = small_graph();
  add_low_rank(graph, {"token_embd.weight", {{0, 3, 1}}});
  std::string text = print(graph);
  EXPECT_THAT(text, HasSubstr("embed.lora_down (T, 3) = embed(token_embd.weight.lora_a, tokens)"));
  EXPECT_THAT(text, HasSubstr("embed.lora_up (T, 16) = linear(embed.lora_scaled, "
                              "token_embd.weight.lora_b)"));
  EXPECT_THAT(text, Not(HasSubstr("logits.base")));

  graph = small_graph();
  add_low_rank(graph, {"output.weight", {{0, 3, 1}}});
  text = print(graph);
  EXPECT_THAT(text, HasSubstr("logits.lora_down (R, 3) = linear(wanted, output.weight.lora_a)"));
  EXPECT_THAT(text, Not(HasSubstr("embed.base")));
  EXPECT_EQ(graph.value(hidden_value(graph)).name, "wanted") << "embeddings are made before it";
}

TEST(GraphAdapters, ADirectionIsAddedBeforeTheNorm) {
  Graph graph = small_graph();
  add_steering(graph, {"blk.0.ffn_residual", {{2, 1, 1}}});
  const std::string text = print(fuse(graph));
  EXPECT_THAT(text, HasSubstr("blk.0.ffn_residual (T, 16) = steer(blk.0.ffn_residual.base, "
                              "blk.0.ffn_residual.directions; adapter 2: 1 by 1)"));
  EXPECT_THAT(text, HasSubstr("norm (T, 16) = rms_norm(blk.0.ffn_residual"));
  EXPECT_EQ(n_adapters(graph), 3);
}

TEST(GraphAdapters, WhatCannotBeAdaptedIsSaid) {
  const Graph graph = small_graph();
  EXPECT_EQ(find_adapter_target(graph, "side.weight").error().fault, Fault::not_found);
  EXPECT_EQ(find_adapter_target(graph, "embed").error().fault, Fault::not_found);
  EXPECT_EQ(find_adapter_target(graph, "norm.weight").error().fault, Fault::unsupported);
  EXPECT_EQ(find_adapter_target(graph, "up.bias").error().fault, Fault::unsupported);
  const AdapterTarget target = find_adapter_target(graph, "down.weight").value();
  EXPECT_EQ(target.n_in, F);
  EXPECT_EQ(target.n_out, D);
}

}  // namespace
}  // namespace quire
