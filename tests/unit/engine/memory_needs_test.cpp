#include "engine/memory_needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

std::shared_ptr<const Model> tales() {
  static const auto model = Model::load(QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf").value();
  return model;
}

TEST(MemoryNeeds, KeysAndValuesAreThoseOfTheRunner) {
  RunnerOptions options;
  options.n_threads = 1;
  for (const int32_t n_sequences : {1, 5})
    for (const int64_t n_pool : {0, 1, 300}) {
      options.n_ctx = 100;
      options.n_sequences = n_sequences;
      options.n_pool = n_pool;
      const auto runner = Runner::create(tales(), options).value();
      const MemoryNeeds needs = memory_needs(*tales(), options);
      EXPECT_EQ(needs.kv + needs.states, runner->kv_bytes()) << n_sequences << " " << n_pool;
      EXPECT_EQ(needs.n_ctx, runner->n_ctx());
    }
}

TEST(MemoryNeeds, TheWholeContextIsMeantWhenNoneIsGiven) {
  EXPECT_EQ(memory_needs(*tales(), {}).n_ctx, tales()->hparams().n_ctx_train);
}

TEST(MemoryNeeds, HalfTheBytesOfANumberAreHalfTheCache) {
  RunnerOptions half;
  half.k_dtype = half.v_dtype = DType::f16;
  EXPECT_EQ(2 * memory_needs(*tales(), half).kv, memory_needs(*tales(), {}).kv);
}

TEST(MemoryNeeds, LargerStepsTakeMoreActivations) {
  RunnerOptions small, large;
  small.n_batch = 16;
  large.n_batch = 256;
  EXPECT_LT(memory_needs(*tales(), small).activations, memory_needs(*tales(), large).activations);
}

TEST(MemoryNeeds, AllOfTheFileIsMapped) {
  EXPECT_EQ(memory_needs(*tales(), {}).weights, static_cast<int64_t>(tales()->file()->n_bytes()));
}

TEST(ContextSize, MoreThanTheModelKnowsIsRefused) {
  const int64_t known = tales()->hparams().n_ctx_train;
  EXPECT_EQ(context_size(*tales(), 0).value(), known);
  EXPECT_EQ(context_size(*tales(), 7).value(), 7);
  EXPECT_EQ(context_size(*tales(), known + 1).error().fault, Fault::usage);
  EXPECT_EQ(context_size(*tales(), -1).error().fault, Fault::usage);
}

}  // namespace
}  // namespace quire
