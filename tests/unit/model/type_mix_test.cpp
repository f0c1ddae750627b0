#include "model/type_mix.h"

#include "model/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::HasSubstr;

DType type_of(const char* mix, const char* tensor, const char* shape = "llama-1b") {
  const Hparams hparams = find_shape(shape)->hparams();
  return stored_dtype(*type_mix(mix), hparams, tensor, {2048, 2048});
}

TEST(TypeMix, GivesMoreBitsToWhatMattersMost) {
  EXPECT_EQ(type_of("q4_k_m", "blk.5.attn_q.weight"), DType::q4_k);
  // Of 16 layers the first two, the last two, and every third between.
  EXPECT_EQ(type_of("q4_k_m", "blk.0.attn_v.weight"), DType::q6_k);
  EXPECT_EQ(type_of("q4_k_m", "blk.1.ffn_down.weight"), DType::q6_k);
  EXPECT_EQ(type_of("q4_k_m", "blk.3.ffn_down.weight"), DType::q4_k);
  EXPECT_EQ(type_of("q4_k_m", "blk.4.ffn_down.weight"), DType::q6_k);
  EXPECT_EQ(type_of("q4_k_m", "blk.14.ffn_down.weight"), DType::q6_k);
  EXPECT_EQ(type_of("q4_k_s", "blk.3.attn_v.weight"), DType::q5_k);
  EXPECT_EQ(type_of("q4_k_s", "blk.4.attn_v.weight"), DType::q4_k);
  EXPECT_EQ(type_of("q3_k_m", "blk.3.ffn_down.weight"), DType::q4_k);
  EXPECT_EQ(type_of("iq2_xs", "blk.0.attn_v.weight"), DType::q4_k);
}

TEST(TypeMix, StoresATiedEmbeddingAsTheOutput) {
  EXPECT_EQ(type_of("q4_0", "token_embd.weight"), DType::q6_k);
  EXPECT_EQ(type_of("q4_0", "token_embd.weight", "llama-8b"), DType::q4_0);
  EXPECT_EQ(type_of("q4_0", "output.weight", "llama-8b"), DType::q6_k);
  EXPECT_EQ(type_of("q8_0", "output.weight", "llama-8b"), DType::q8_0);
  EXPECT_EQ(type_of("f16", "output.weight", "llama-8b"), DType::f16);
}

TEST(TypeMix, LeavesVectorsAlone) {
  const Hparams hparams = find_shape("llama-1b")->hparams();
  EXPECT_EQ(stored_dtype(*type_mix("q4_0"), hparams, "output_norm.weight", {2048}), DType::f32);
  EXPECT_EQ(stored_dtype(*type_mix("f16"), hparams, "output_norm.weight", {2048}), DType::f32);
}

TEST(TypeMix, TakesSmallerBlocksWhereARowDoesNotFill256) {
  const Hparams hparams = find_shape("stories15m")->hparams();
  const auto of = [&](const char* mix, int64_t width) {
    return stored_dtype(*type_mix(mix), hparams, "blk.3.attn_q.weight", {288, width});
  };
  EXPECT_EQ(of("q4_k_s", 288), DType::q5_0);
  EXPECT_EQ(of("q5_k_s", 288), DType::q5_1);
  EXPECT_EQ(of("q6_k", 288), DType::q8_0);
  EXPECT_EQ(of("iq2_xs", 288), DType::iq4_nl);
  EXPECT_EQ(of("q4_0", 300), DType::f16);
  EXPECT_EQ(stored_dtype(*type_mix("iq2_xs"), hparams, "output.weight", {32000, 288}), DType::q8_0);
}

TEST(TypeMix, PureMeansOneTypeForAll) {
  TypeMix mix = *type_mix("Q4_0");
  mix.pure = true;
  const Hparams hparams = find_shape("llama-1b")->hparams();
  EXPECT_EQ(stored_dtype(mix, hparams, "token_embd.weight", {128256, 2048}), DType::q4_0);
}

TEST(TypeMix, RefusesAnUnknownNameWithThoseThatAreKnown) {
  const auto mix = type_mix("q9_z");
  ASSERT_FALSE(mix.has_value());
  EXPECT_EQ(mix.error().fault, Fault::usage);
  EXPECT_THAT(mix.error().text, HasSubstr("unknown type 'q9_z'; known are: f32, f16"));
}

}  // namespace
}  // namespace quire
