#include "model/random_model.h"

#include "graph/builder.h"
#include "model/shapes.h"
#include "quant/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace quire {
namespace {

Hparams tiny() {
  Hparams h;
  h.arch = "llama";
  h.n_vocab = 600;
  h.n_ctx_train = 64;
  h.n_embd = 256;
  h.n_layer = 3;
  h.n_ff = 512;
  h.n_head = 4;
  h.n_head_kv = 2;
  h.head_dim = h.n_rot = 64;
  h.tied_head = true;
  return h;
}

std::shared_ptr<const Model> make(const char* mix, uint64_t seed, int n_threads) {
  ThreadPool pool(n_threads);
  auto model = random_model(tiny(), *type_mix(mix), "llama-bpe", seed, pool);
  EXPECT_TRUE(model.has_value()) << model.error().text;
  return *model;
}

TEST(RandomModel, IsTheSameForTheSameSeedAndAnyNumberOfThreads) {
  const uint64_t one = make("q4_k_m", 1, 1)->fingerprint();
  EXPECT_EQ(one, make("q4_k_m", 1, 3)->fingerprint());
  EXPECT_NE(one, make("q4_k_m", 2, 1)->fingerprint());
}

TEST(RandomModel, HasFiniteWeightsOfTheSizeOfTrainedOnesInEveryMix) {
  for (const TypeMix& mix : all_type_mixes()) {
    SCOPED_TRACE(mix.name);
    const auto model = make(mix.name, 1, 2);
    const ValueId id = model->graph().find("blk.1.ffn_down.weight");
    const auto params = model->graph().all(Role::parameter);
    const auto at = std::ranges::find(params, id) - params.begin();
    const TensorView& view = model->params()[static_cast<size_t>(at)];
    std::vector<float> row(512);
    double sum = 0;
    for (int64_t r = 0; r < 256; ++r) {
      codec(view.dtype)->decode(view.row(r), row.data(), 512);
      for (const float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
    }
    // 1 / sqrt(512), give or take what few bits lose: signs alone keep sqrt(2 / pi) = 0.8 of it.
    EXPECT_NEAR(std::sqrt(sum / 512 / 256) * std::sqrt(512.0), 1, 0.25);
  }
}

TEST(RandomModel, ComesBackFromItsFileBitForBit) {
  const auto model = make("q4_k_m", 1, 2);
  const auto path = std::filesystem::path(testing::TempDir()) / "random_model_test.gguf";
  ASSERT_TRUE(write_model(path, *model, "random", *type_mix("q4_k_m")).has_value());
  const auto again = Model::load(path);
  ASSERT_TRUE(again.has_value()) << again.error().text;
  EXPECT_EQ((*again)->fingerprint(), model->fingerprint());
  EXPECT_EQ((*again)->tokenizer().n_vocab(), 600);
  std::filesystem::remove(path);
}

TEST(MadeUpTokenizer, GivesEveryByteStringBack) {
  const auto tokenizer = made_up_tokenizer(70000, "llama-bpe");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().text;
  EXPECT_EQ((*tokenizer)->n_vocab(), 70000);
  const std::string text = "Once upon a time \xff\x01 there";
  const auto ids = (*tokenizer)->encode(text);
  ASSERT_TRUE(ids.has_value());
  EXPECT_EQ((*ids)[0], (*tokenizer)->bos());
  EXPECT_EQ((*tokenizer)->decode(*ids), text);
}

TEST(Shapes, AreModelsThatCanBeBuilt) {
  for (const KnownShape& shape : all_shapes()) {
    const Hparams hparams = shape.hparams();
    const auto arch = find_arch(hparams.arch);
    ASSERT_TRUE(arch.has_value()) << shape.name;
    GraphBuilder builder;
    (*arch)->build(builder, hparams);
    EXPECT_TRUE(builder.finish().has_value()) << shape.name;
  }
}

}  // namespace
}  // namespace quire
