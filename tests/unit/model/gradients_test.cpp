// The gradients that differentiate() adds to whole models, against finite differences; and the
// executor's promises on them: the same bits for any number of threads, micro-batches that add up.
#include "base/rng.h"
#include "device/executor.h"
#include "graph/autodiff.h"
#include "model/arch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

Hparams small(const char* arch) {
  Hparams h;
  h.arch = arch;
  h.n_vocab = 40;
  h.n_ctx_train = 16;
  h.n_embd = 24;
  h.n_layer = 2;
  h.n_ff = 40;
  h.n_head = 4;
  h.n_head_kv = std::string(arch) == "llama" ? 2 : 4;
  h.head_dim = h.n_rot = 6;
  h.tied_head = true;
  h.norm = std::string(arch) == "llama" ? NormKind::rms : NormKind::layer;
  h.parts = {"attn_q.bias",   "attn_k.bias", "attn_v.bias",  "attn_output.bias",
             "ffn_gate.bias", "ffn_up.bias", "ffn_down.bias"};
  return h;
}

// A training graph with random weights, its gradients, and one batch of two sequences of eight
// tokens.
struct Trainee {
  Graph graph;
  std::vector<Tensor> params;
  std::vector<std::vector<float>> gradients;
  ThreadPool pool;
  std::unique_ptr<Executor> executor;
  std::vector<int32_t> tokens, positions, targets;
  std::vector<SequenceRows> sequences;

  Trainee(const char* arch, int n_threads) : pool(n_threads) {
    GraphBuilder g;
    g.set_purpose(GraphBuilder::Purpose::training);
    find_arch(arch).value()->build(g, small(arch));
    graph = differentiate(g.finish().value()).value();
    Rng rng(7);
    std::vector<TensorView> views;
    for (ValueId id : graph.all(Role::parameter)) {
      const Value& value = graph.value(id);
      Shape shape;
      shape.rank = static_cast<int>(value.shape.size());
      for (int i = 0; i < shape.rank; ++i) shape[i] = value.shape[static_cast<size_t>(i)].n;
      Tensor tensor(DType::f32, shape);
      const bool is_norm = value.name.find("norm.weight") != std::string::npos;
      for (int64_t i = 0; i < shape.n_elements(); ++i)
        tensor.f32()[i] = static_cast<float>(0.2 * rng.normal() + (is_norm ? 1 : 0));
      params.push_back(tensor);
      views.push_back(tensor.view());
    }
    executor = std::make_unique<Executor>(Executor::create(graph, views, pool, {16, 16}).value());
    std::vector<float*> pointers;
    for (ValueId id : graph.all(Role::gradient))
      gradients.emplace_back(static_cast<size_t>(Binding{}.n_elements(graph.value(id).shape)),
                             0.0f);
    for (auto& gradient : gradients) pointers.push_back(gradient.data());
    executor->set_gradients(pointers);
    for (int i = 0; i < 16; ++i) {
      tokens.push_back(static_cast<int32_t>(rng.below(40)));
      targets.push_back(i % 5 == 4 ? -1 : static_cast<int32_t>(rng.below(40)));
      positions.push_back(i % 8);
    }
    sequences = {{0, 8, 0, {}}, {8, 8, 0, {}}};
  }

  // Runs forward and backward; the mean loss over counted targets.
  double step() {
    executor->run({tokens, positions, {}, targets, sequences});
    const View<float, 2> loss = executor->value(graph.loss);
    double sum = 0;
    int n = 0;
    for (int64_t i = 0; i < 16; ++i) {
      sum += static_cast<double>(loss(i, 0));
      n += targets[static_cast<size_t>(i)] >= 0;
    }
    return sum / n;
  }
};

class Gradients : public ::testing::TestWithParam<const char*> {};

TEST_P(Gradients, AgreeWithFiniteDifferencesForEveryParameter) {
  Trainee t(GetParam(), 2);
  t.step();
  const std::vector<std::vector<float>> gradients = t.gradients;
  Rng rng(1);
  for (size_t p = 0; p < t.params.size(); ++p) {
    double scale = 0;
    for (float g : gradients[p]) scale = std::max(scale, std::abs(static_cast<double>(g)));
    for (int sample = 0; sample < 6; ++sample) {
      const auto i =
          static_cast<int64_t>(rng.below(static_cast<uint64_t>(t.params[p].shape().n_elements())));
      float& weight = t.params[p].f32()[i];
      const float original = weight;
      constexpr float h = 4e-3f;
      weight = original + h;
      const double above = t.step();
      weight = original - h;
      const double below = t.step();
      weight = original;
      const double difference = (above - below) / (2.0 * static_cast<double>(h));
      // The loss is about 4 with 24 bits: 2.5e-7 of noise on each side makes 6e-5; the rest is the
      // third derivative.
      EXPECT_NEAR(static_cast<double>(gradients[p][static_cast<size_t>(i)]), difference,
                  2e-4 + 0.01 * scale)
          << t.graph.value(t.graph.all(Role::parameter)[p]).name << "[" << i << "]";
    }
  }
}

TEST_P(Gradients, AreTheSameBitsForAnyNumberOfThreads) {
  Trainee one(GetParam(), 1), three(GetParam(), 3);
  EXPECT_EQ(one.step(), three.step());
  EXPECT_EQ(one.gradients, three.gradients);
}

TEST_P(Gradients, OfTwoMicroBatchesAddUp) {
  Trainee once(GetParam(), 2), twice(GetParam(), 2);
  once.step();
  twice.step();
  twice.step();
  for (size_t p = 0; p < once.gradients.size(); ++p)
    for (size_t i = 0; i < once.gradients[p].size(); ++i) {
      const float g = once.gradients[p][i];
      EXPECT_NEAR(twice.gradients[p][i], 2 * g, 1e-6f + 1e-5f * std::abs(g));
    }
}

INSTANTIATE_TEST_SUITE_P(Archs, Gradients, ::testing::Values("llama", "gpt2"));

TEST(Archs, AreFoundByNameOrRefusedByIt) {
  EXPECT_TRUE(find_arch("llama").has_value());
  const auto unknown = find_arch("mamba9");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().fault, Fault::unsupported);
  EXPECT_THAT(unknown.error().text,
              testing::HasSubstr("'mamba9' is not supported; known are: llama, gpt2"));
}

}  // namespace
}  // namespace quire
