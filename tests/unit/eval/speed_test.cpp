#include "eval/speed.h"

#include "model/random_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using ::testing::HasSubstr;
using Kind = SpeedTest::Kind;

std::shared_ptr<const Model> tiny_model() {
  Hparams h;
  h.arch = "llama";
  h.n_vocab = 512;
  h.n_ctx_train = 64;
  h.n_embd = 64;
  h.n_layer = 1;
  h.n_ff = 96;
  h.n_head = 2;
  h.n_head_kv = 1;
  h.head_dim = h.n_rot = 32;
  h.tied_head = true;
  ThreadPool pool(1);
  return *random_model(h, *type_mix("q8_0"), "gpt-2", 1, pool);
}

SpeedOptions options() {
  SpeedOptions options;
  options.runner.n_batch = 16;
  options.runner.n_threads = 2;
  options.runner.precision = Precision::fast;
  options.n_repeats = 2;
  return options;
}

constexpr PeakRates peaks{.int8 = 4e11, .bf16 = 2e11, .f32 = 1e11};

TEST(SpeedTest, HasTheNameThatOtherProgramsGiveIt) {
  EXPECT_EQ((SpeedTest{Kind::prompt, 512, 0, 1}.name()), "pp512");
  EXPECT_EQ((SpeedTest{Kind::generation, 128, 4096, 8}.name()), "tg128 x8 @ d4096");
}

TEST(Median, IsTheMiddleOfTheValues) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(MeasureSpeed, CountsTokensBytesAndOperationsOfEachTest) {
  std::vector<SpeedResult> results;
  const std::vector<SpeedTest> tests = {
      {Kind::prompt, 32, 0, 1}, {Kind::generation, 4, 8, 1}, {Kind::generation, 4, 8, 3}};
  const auto done = measure_speed(tiny_model(), tests, options(), peaks,
                                  [&](const SpeedResult& result) { results.push_back(result); });
  ASSERT_TRUE(done.has_value()) << done.error().text;
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].n_tokens, 32);
  EXPECT_EQ(results[1].n_tokens, 4);
  EXPECT_EQ(results[2].n_tokens, 12);
  for (const SpeedResult& result : results) {
    EXPECT_EQ(result.samples.size(), 2u);
    EXPECT_GT(result.rate(), 0);
    EXPECT_LE(result.least_rate(), result.rate());
    EXPECT_GE(result.most_rate(), result.rate());
  }
  // q, k, v, o, gate, up and down of the layer, and the output for the last row, in int8.
  constexpr double layer = 64 * 64 * 2 + 2 * 32 * 64 + 3 * 96 * 64, output = 512 * 64;
  EXPECT_NEAR(
      results[0].peak_seconds,
      2 * (32 * (layer - 64 * 64 - 3 * 96 * 64) + 64 * 64 + 3 * 96 * 64 + output) / peaks.int8,
      1e-12);
  EXPECT_NEAR(results[1].peak_seconds, 4 * 2 * (layer + output) / peaks.int8, 1e-12);
  EXPECT_NEAR(results[2].peak_seconds, 3 * results[1].peak_seconds, 1e-12);
  // Weights are read once per step, however many sequences there are.
  EXPECT_LT(results[2].n_bytes, 1.3 * results[1].n_bytes);
}

TEST(MeasureSpeed, SaysWhatDoesNotFitInTheContext) {
  const auto done = measure_speed(tiny_model(), {{Kind::prompt, 60, 8, 1}}, options(), peaks,
                                  [](const SpeedResult&) {});
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().text, HasSubstr("context of 68 positions asked for, the model knows"));
}

TEST(PeakRates, AreThoseOfARealMachine) {
  ThreadPool pool(1);
  const PeakRates rates = measure_peak_rates(pool, 0.005);
  for (const double rate : {rates.int8, rates.bf16, rates.f32}) {
    EXPECT_GT(rate, 1e8);
    EXPECT_LT(rate, 1e14);
  }
}

}  // namespace
}  // namespace quire
