#include "engine/sampler.h"
#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace quire {
namespace {

SamplingParams everything() {
  SamplingParams params;
  params.temperature = 1;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = 1;
  return params;
}

std::set<int32_t> drawn(const SamplingParams& params, const std::vector<float>& logits) {
  Sampler sampler(params);
  std::set<int32_t> ids;
  for (int i = 0; i < 2000; ++i) ids.insert(sampler.sample(logits).value());
  return ids;
}

TEST(Sampler, GreedyTakesTheLowestOfEqualIds) {
  SamplingParams params;
  params.temperature = 0;
  EXPECT_EQ(Sampler(params).sample(std::vector<float>{1, 5, 2, 5, 5}).value(), 1);
  EXPECT_EQ(Sampler(params).sample(std::vector<float>{-3, -3}).value(), 0);
}

// Pearson's statistic with 5 degrees of freedom is above 20.5 once in a thousand seeds.
TEST(Sampler, DrawsFollowTheProbabilities) {
  const std::vector<double> p = {0.4, 0.25, 0.15, 0.1, 0.06, 0.04};
  std::vector<float> logits;
  for (const double x : p) logits.push_back(static_cast<float>(std::log(x)));
  constexpr int n = 20000;
  std::vector<int> counts(p.size());
  Sampler sampler(everything());
  for (int i = 0; i < n; ++i) ++counts[static_cast<size_t>(sampler.sample(logits).value())];
  double statistic = 0;
  for (size_t i = 0; i < p.size(); ++i)
    statistic += (counts[i] - n * p[i]) * (counts[i] - n * p[i]) / (n * p[i]);
  EXPECT_LT(statistic, 20.5);
}

TEST(Sampler, TellsTheProbabilitiesThatItDrewFrom) {
  SamplingParams params = everything();
  params.top_k = 2;
  Sampler sampler(params);
  const std::vector<float> logits = {std::log(3.0f), 0, -1};  // 3 to 1, and what top-k leaves out
  const int32_t token = sampler.sample(logits).value();
  const DrawnToken drawn = sampler.drawn(3);
  EXPECT_EQ(drawn.token, token);
  EXPECT_NEAR(std::exp(drawn.log_probability), token == 0 ? 0.75 : 0.25, 1e-6);
  ASSERT_EQ(drawn.likeliest.size(), 2);
  EXPECT_EQ(drawn.likeliest[0].token, 0);
  EXPECT_NEAR(std::exp(drawn.likeliest[0].log_probability), 0.75, 1e-6);
  EXPECT_NEAR(std::exp(drawn.likeliest[1].log_probability), 0.25, 1e-6);
}

TEST(Sampler, AGreedyDrawIsCertain) {
  SamplingParams params;
  params.temperature = 0;
  Sampler sampler(params);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 2}).value(), 1);
  const DrawnToken drawn = sampler.drawn(3);
  EXPECT_EQ(drawn.log_probability, 0);
  ASSERT_EQ(drawn.likeliest.size(), 1);
  EXPECT_EQ(drawn.likeliest[0].token, 1);
}

TEST(Sampler, TemperatureSharpensByDividingTheLogits) {
  SamplingParams params = everything();
  params.temperature = 0.5f;
  Sampler sampler(params);
  const std::vector<float> logits = {std::log(2.0f), 0};  // 4 to 1 at this temperature
  int n_first = 0;
  for (int i = 0; i < 10000; ++i) n_first += sampler.sample(logits).value() == 0;
  EXPECT_NEAR(n_first / 10000.0, 0.8, 0.016);  // four standard deviations
}

TEST(Sampler, TopKKeepsTheKLikeliest) {
  SamplingParams params = everything();
  params.top_k = 2;
  EXPECT_EQ(drawn(params, {0, 0.3f, 0.1f, 0.2f}), (std::set<int32_t>{1, 3}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingParams params = everything();
  params.top_p = 0.7f;
  const std::vector<float> logits = {std::log(0.1f), std::log(0.5f), std::log(0.3f),
                                     std::log(0.1f)};
  EXPECT_EQ(drawn(params, logits), (std::set<int32_t>{1, 2}));
}

TEST(Sampler, MinPIsAShareOfTheLikeliest) {
  SamplingParams params = everything();
  params.min_p = 0.3f;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.2f), std::log(0.14f),
                                     std::log(0.16f)};
  EXPECT_EQ(drawn(params, logits), (std::set<int32_t>{0, 1, 3}));
}

// More candidates than the first sorted part, so that the lazy sort has to go on.
TEST(Sampler, ALongFlatTailIsReached) {
  SamplingParams params = everything();
  params.top_p = 0.5f;
  const std::vector<float> logits(1000, 1.0f);
  const std::set<int32_t> ids = drawn(params, logits);
  EXPECT_LT(*ids.rbegin(), 500);
  EXPECT_GT(*ids.rbegin(), 400);
}

TEST(Sampler, RecentTokensArePenalizedOnBothSidesOfZero) {
  SamplingParams params;
  params.temperature = 0;
  params.repeat_penalty = 2;
  params.repeat_last_n = 1;
  Sampler sampler(params);
  sampler.accept(0);
  EXPECT_EQ(sampler.sample(std::vector<float>{3, 2}).value(), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{-1, -1.5f}).value(), 1);
  sampler.accept(1);  // only one is remembered: 0 is free again
  EXPECT_EQ(sampler.sample(std::vector<float>{3, 2}).value(), 0);
}

TEST(Sampler, BannedTokensAreNeverDrawn) {
  const int32_t banned[] = {1};
  SamplingParams params;
  params.temperature = 0;
  EXPECT_EQ(Sampler(params, banned).sample(std::vector<float>{1, 9, 2}).value(), 2);
}

TEST(Sampler, LogitsThatAreNoNumbersAreAnError) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Sampler(everything()).sample(std::vector<float>{1, nan}).error().fault,
            Fault::bad_format);
  EXPECT_FALSE(Sampler(everything()).sample(std::vector<float>{1, infinity}).has_value());
  EXPECT_FALSE(Sampler(everything()).sample(std::vector<float>{-infinity}).has_value());
}

TEST(Sampler, ParametersOutOfRangeAreUsageErrors) {
  SamplingParams params;
  params.top_p = 1.5f;
  EXPECT_EQ(check_sampling(params).error().fault, Fault::usage);
  params = {};
  params.temperature = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(check_sampling(params).has_value());
}

TEST(StopStrings, OneInPiecesIsNeverShown) {
  StopStrings stops({"<end>", "STOP"});
  EXPECT_EQ(stops.push("a<"), "a");
  EXPECT_EQ(stops.push("en"), "");
  EXPECT_EQ(stops.push("d>b"), "");
  EXPECT_TRUE(stops.found());
  EXPECT_EQ(stops.push("c"), "");
  EXPECT_EQ(stops.flush(), "");
}

TEST(StopStrings, TextThatOnlyLooksLikeOneComesOut) {
  StopStrings stops({"<end>"});
  EXPECT_EQ(stops.push("a<en"), "a");
  EXPECT_EQ(stops.push("c<e"), "<enc");
  EXPECT_EQ(stops.flush(), "<e");
  EXPECT_FALSE(stops.found());
}

TEST(StopStrings, RepeatedBeginningsAreFound) {
  StopStrings stops({"aab"});
  std::string shown;
  for (const char c : std::string("aaaab")) shown += stops.push(std::string(1, c));
  EXPECT_EQ(shown, "aa");
  EXPECT_TRUE(stops.found());
}

TEST(StopStrings, TheEarliestOfSeveralWins) {
  StopStrings stops({"later", "a"});
  EXPECT_EQ(stops.push("xxalater"), "xx");
}

}  // namespace
}  // namespace quire
