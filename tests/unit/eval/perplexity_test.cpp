#include "eval/perplexity.h"

#include "base/rng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

using ::testing::HasSubstr;

struct Subject {
  std::shared_ptr<const Model> model =
      *Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf");
  std::vector<int32_t> tokens;

  explicit Subject(int64_t n_tokens) {
    Rng rng(1);
    for (int64_t i = 0; i < n_tokens; ++i)
      tokens.push_back(
          static_cast<int32_t>(rng.below(static_cast<uint64_t>(model->hparams().n_vocab))));
  }
  std::unique_ptr<Runner> runner(int64_t n_ctx) const {
    RunnerOptions options;
    options.n_ctx = n_ctx;
    options.n_threads = 1;
    return *Runner::create(model, options);
  }
  // -log p of tokens[at] behind the window's tokens before it, as plainly as can be.
  double loss(int64_t begin, int64_t at) const {
    std::vector<int32_t> window(tokens.begin() + begin, tokens.begin() + at);
    if (!model->tokenizer().prefix_ids().empty()) window[0] = model->tokenizer().bos();
    const auto alone = runner(at - begin);
    const auto logits = *alone->run(window);
    const std::span<const float> row(logits.row(0), static_cast<size_t>(logits.dim(1)));
    const auto own = static_cast<double>(row[static_cast<size_t>(tokens[static_cast<size_t>(at)])]);
    double sum = 0;
    for (const float x : row) sum += std::exp(static_cast<double>(x) - own);
    return std::log(sum);
  }
};

TEST(Perplexity, ScoresWhatFollowsTheMiddleOfEachWindow) {
  const Subject subject(40);  // two windows of 16; 8 tokens are left over
  PerplexityOptions options;
  options.n_ctx = 16;
  double sum = 0, sum_squares = 0;
  for (const int64_t begin : {0, 16})
    for (int64_t at = begin + 9; at < begin + 16; ++at) {
      const double loss = subject.loss(begin, at);
      sum += loss;
      sum_squares += loss * loss;
    }
  const auto runner = subject.runner(16);
  std::vector<int64_t> chunks;
  const auto total = measure_perplexity(*runner, subject.tokens, options,
                                        [&](const Perplexity& p) { chunks.push_back(p.n_scored); });
  ASSERT_TRUE(total.has_value()) << total.error().text;
  EXPECT_THAT(chunks, testing::ElementsAre(7, 14));
  EXPECT_NEAR(total->perplexity(), std::exp(sum / 14), 1e-4 * std::exp(sum / 14));
  const double deviation = std::sqrt((sum_squares / 14 - sum / 14 * (sum / 14)) / 13);
  EXPECT_NEAR(total->error(), total->perplexity() * deviation, 1e-2 * total->error());
}

TEST(Perplexity, ScoresTheLastTokensOfWindowsThatOverlap) {
  const Subject subject(40);
  PerplexityOptions options;
  options.n_ctx = 16;
  options.stride = 8;  // windows of 20 at 0, 8 and 16
  double sum = 0;
  for (const int64_t begin : {0, 8, 16})
    for (int64_t at = begin + 12; at < begin + 20; ++at) sum += subject.loss(begin, at);
  const auto runner = subject.runner(20);
  const auto total = measure_perplexity(*runner, subject.tokens, options, [](const Perplexity&) {});
  ASSERT_TRUE(total.has_value()) << total.error().text;
  EXPECT_EQ(total->n_chunks, 3);
  EXPECT_EQ(total->n_scored, 24);
  EXPECT_NEAR(total->nats(), sum / 24, 1e-4);
}

TEST(Perplexity, DoesAsManyWindowsAsAskedFor) {
  PerplexityOptions options;
  EXPECT_EQ(*count_windows(5000, options), 9);
  options.n_chunks = 2;
  EXPECT_EQ(*count_windows(5000, options), 2);
}

TEST(Perplexity, RefusesATextShorterThanAWindow) {
  const auto n = count_windows(511, {});
  ASSERT_FALSE(n.has_value());
  EXPECT_EQ(n.error().fault, Fault::usage);
  EXPECT_THAT(n.error().text, HasSubstr("511 tokens, which is less than a window of 512"));
}

TEST(Perplexity, RefusesAWindowWithoutATokenToScore) {
  EXPECT_FALSE(count_windows(5000, {.n_ctx = 2}).has_value());
  EXPECT_FALSE(count_windows(5000, {.n_ctx = 16, .stride = 40}).has_value());
}

}  // namespace
}  // namespace quire
