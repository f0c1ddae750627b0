// Every sampler against a straightforward reference: probabilities as doubles, sorted in full.
#include "engine/sampler.h"
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace quire {
namespace {

SamplingParams everything(uint64_t seed = 1) {
  SamplingParams params;
  params.temperature = 1;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = seed;
  return params;
}

std::vector<float> random_logits(size_t n, uint64_t seed, double spread) {
  Rng rng(seed);
  std::vector<float> logits(n);
  for (float& logit : logits) logit = static_cast<float>(rng.normal() * spread);
  // Equal ones, too.
  for (size_t i = 0; i + 7 < n; i += 7) logits[i] = std::round(logits[i]);
  return logits;
}

// The reference: ids and probabilities, the likeliest first.
struct Entry {
  int32_t id;
  double p;
};
std::vector<Entry> sorted(const std::vector<float>& logits) {
  std::vector<Entry> entries;
  double total = 0;
  const double largest = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < logits.size(); ++i) {
    entries.push_back(
        {static_cast<int32_t>(i), std::exp(static_cast<double>(logits[i]) - largest)});
    total += entries.back().p;
  }
  for (Entry& entry : entries) entry.p /= total;
  std::ranges::stable_sort(entries, [&](const Entry& a, const Entry& b) {
    return logits[static_cast<size_t>(a.id)] > logits[static_cast<size_t>(b.id)];
  });
  return entries;
}

std::set<int32_t> ids_of(const std::vector<Entry>& entries, size_t n) {
  std::set<int32_t> ids;
  for (size_t i = 0; i < std::min(n, entries.size()); ++i) ids.insert(entries[i].id);
  return ids;
}

// What one stage leaves of all candidates.
std::set<int32_t> left(const SamplingParams& params,
                       std::unique_ptr<SamplerStage> (*make)(const SamplingParams&,
                                                             const Tokenizer*),
                       const std::vector<float>& logits, bool as_list = false) {
  Candidates candidates;
  EXPECT_TRUE(candidates.reset(logits));
  if (as_list) candidates.list();
  Rng rng(3);
  make(params, nullptr)->apply(candidates, rng);
  std::set<int32_t> ids;
  for (const Candidate& one : candidates.list()) ids.insert(one.id);
  return ids;
}

class Truncation : public testing::TestWithParam<std::tuple<size_t, double>> {
 protected:
  template <class Check>
  void each(Check check) const {
    const auto [n, spread] = GetParam();
    for (uint64_t seed = 0; seed < 5; ++seed)
      for (const bool as_list : {false, true}) check(random_logits(n, seed, spread), as_list);
  }
};

TEST_P(Truncation, TopKIsTheReference) {
  each([](const std::vector<float>& logits, bool as_list) {
    for (const int32_t k : {1, 2, 40, 64, 65, 513, 1000, 4000}) {
      SamplingParams params = everything();
      params.top_k = k;
      EXPECT_EQ(left(params, make_top_k, logits, as_list),
                ids_of(sorted(logits), static_cast<size_t>(k)));
    }
  });
}

TEST_P(Truncation, TopPIsTheReference) {
  each([](const std::vector<float>& logits, bool as_list) {
    for (const float p : {0.1f, 0.5f, 0.9f, 0.99f, 0.9999f}) {
      SamplingParams params = everything();
      params.top_p = p;
      const auto entries = sorted(logits);
      double mass = 0;
      size_t n = 0;
      while (n < entries.size() && mass < static_cast<double>(p)) mass += entries[n++].p;
      const auto ids = left(params, make_top_p, logits, as_list);
      // Weights are f32: one token more or less where the sum all but meets p.
      EXPECT_LE(std::llabs(static_cast<long long>(ids.size()) - static_cast<long long>(n)), 1);
      EXPECT_EQ(ids, ids_of(entries, ids.size()));
    }
  });
}

TEST_P(Truncation, MinPIsTheReference) {
  each([](const std::vector<float>& logits, bool as_list) {
    for (const float p : {0.001f, 0.05f, 0.5f}) {
      SamplingParams params = everything();
      params.min_p = p;
      const auto entries = sorted(logits);
      size_t n = 0;
      while (n < entries.size() &&
             entries[n].p >= static_cast<double>(p) * entries[0].p * (1 - 1e-6))
        ++n;
      EXPECT_EQ(left(params, make_min_p, logits, as_list), ids_of(entries, n));
    }
  });
}

TEST_P(Truncation, TopNSigmaIsTheReference) {
  each([](const std::vector<float>& logits, bool as_list) {
    SamplingParams params = everything();
    params.top_n_sigma = 1.5f;
    double sum = 0, squares = 0;
    for (const float x : logits) sum += static_cast<double>(x);
    const double mean = sum / static_cast<double>(logits.size());
    for (const float x : logits) squares += std::pow(static_cast<double>(x) - mean, 2);
    const double sigma = std::sqrt(squares / static_cast<double>(logits.size()));
    const double largest = *std::max_element(logits.begin(), logits.end());
    std::set<int32_t> wanted;
    for (size_t i = 0; i < logits.size(); ++i)
      if (static_cast<double>(logits[i]) >= largest - 1.5 * sigma)
        wanted.insert(static_cast<int32_t>(i));
    const auto ids = left(params, make_top_n_sigma, logits, as_list);
    EXPECT_LE(
        std::llabs(static_cast<long long>(ids.size()) - static_cast<long long>(wanted.size())), 1);
  });
}

TEST_P(Truncation, TypicalIsTheReference) {
  each([](const std::vector<float>& logits, bool as_list) {
    SamplingParams params = everything();
    params.typical_p = 0.6f;
    auto entries = sorted(logits);
    double entropy = 0;
    for (const Entry& entry : entries) entropy -= entry.p > 0 ? entry.p * std::log(entry.p) : 0;
    std::ranges::stable_sort(
        entries, {}, [&](const Entry& entry) { return std::fabs(-std::log(entry.p) - entropy); });
    double mass = 0;
    size_t n = 0;
    while (n < entries.size() && mass < 0.6) mass += entries[n++].p;
    const auto ids = left(params, make_typical, logits, as_list);
    EXPECT_LE(std::llabs(static_cast<long long>(ids.size()) - static_cast<long long>(n)), 1);
    // All but those at the very edge are the same.
    size_t n_other = 0;
    for (const int32_t id : ids_of(entries, n)) n_other += ids.contains(id) ? 0 : 1;
    EXPECT_LE(n_other, 1u);
  });
}

INSTANTIATE_TEST_SUITE_P(Sizes, Truncation,
                         testing::Combine(testing::Values<size_t>(3, 64, 100, 5000),
                                          testing::Values(0.3, 3.0, 10.0)));

TEST(Xtc, LeavesTheLeastLikelyOfTheTopChoices) {
  SamplingParams params = everything();
  params.xtc_probability = 1;
  params.xtc_threshold = 0.2f;
  const std::vector<float> logits = {std::log(0.4f), std::log(0.05f), std::log(0.3f),
                                     std::log(0.25f)};
  EXPECT_EQ(left(params, make_xtc, logits), (std::set<int32_t>{1, 3}));
  params.xtc_threshold = 0.35f;  // only one is above: nothing to leave out
  EXPECT_EQ(left(params, make_xtc, logits), (std::set<int32_t>{0, 1, 2, 3}));
}

float logit_after(Candidates& candidates, int32_t id) {
  for (const Candidate& one : candidates.list())
    if (one.id == id) return one.logit;
  return std::numeric_limits<float>::quiet_NaN();
}

TEST(Penalties, FollowTheFormulaAndTheWindow) {
  SamplingParams params = everything();
  params.repeat_penalty = 2;
  params.frequency_penalty = 0.5f;
  params.presence_penalty = 0.25f;
  params.repeat_last_n = 4;
  const auto stage = make_penalties(params, nullptr);
  for (const int32_t token : {9, 9, 1, 1, 2, 3}) stage->accept(token);  // the nines have left
  Rng rng(1);
  Candidates candidates;
  candidates.reset(std::vector<float>{0, 4, -3, 1, 5, 0, 0, 0, 0, 7});
  stage->apply(candidates, rng);
  EXPECT_FLOAT_EQ(logit_after(candidates, 1), 4 / 2.0f - 2 * 0.5f - 0.25f);
  EXPECT_FLOAT_EQ(logit_after(candidates, 2), -3 * 2.0f - 0.5f - 0.25f);
  EXPECT_FLOAT_EQ(logit_after(candidates, 3), 1 / 2.0f - 0.5f - 0.25f);
  EXPECT_FLOAT_EQ(logit_after(candidates, 9), 7);
  EXPECT_FLOAT_EQ(logit_after(candidates, 4), 5);
  stage->accept(9);  // back again, counted once
  candidates.reset(std::vector<float>(10, 2.0f));
  stage->apply(candidates, rng);
  EXPECT_FLOAT_EQ(logit_after(candidates, 9), 2 / 2.0f - 0.5f - 0.25f);
}

// For every token that occurred: the longest repeat it would prolong, by comparing every place.
TEST(Dry, IsTheQuadraticReference) {
  Rng rng(5);
  for (int round = 0; round < 50; ++round) {
    SamplingParams params = everything();
    params.dry_multiplier = 0.8f;
    params.dry_allowed_length = static_cast<int32_t>(rng.below(4));
    params.dry_penalty_last_n = round % 2 == 0 ? -1 : 30;
    const auto stage = make_dry(params, nullptr);
    std::vector<int32_t> text;
    for (int i = 0; i < 60; ++i) {
      text.push_back(static_cast<int32_t>(rng.below(3)));
      stage->accept(text.back());
    }
    if (params.dry_penalty_last_n > 0) text.erase(text.begin(), text.end() - 30);
    std::vector<int64_t> longest(3, -1);
    for (size_t end = 1; end < text.size(); ++end) {
      size_t n = 0;
      while (n < end && text[end - 1 - n] == text[text.size() - 1 - n]) ++n;
      auto& best = longest[static_cast<size_t>(text[end])];
      if (static_cast<int64_t>(n) >= params.dry_allowed_length)
        best = std::max(best, static_cast<int64_t>(n));
    }
    Candidates candidates;
    candidates.reset(std::vector<float>(3, 1.0f));
    stage->apply(candidates, rng);
    for (int32_t id = 0; id < 3; ++id) {
      const int64_t n = longest[static_cast<size_t>(id)];
      const float penalty =
          n < 0 ? 0
                : 0.8f * std::pow(1.75f, std::min(static_cast<float>(n - params.dry_allowed_length),
                                                  88.0f / std::log(1.75f)));
      EXPECT_NEAR(logit_after(candidates, id), 1 - penalty, 1e-4f * (1 + penalty)) << round;
    }
  }
}

TEST(Temperature, FollowsEntropyInsideItsRange) {
  SamplingParams params = everything();
  params.temperature = 1;
  params.dynatemp_range = 0.5f;
  Rng rng(1);
  Candidates candidates;
  candidates.reset(std::vector<float>(16, 3.0f));  // as unsure as can be: 1.5
  candidates.change(0, [](float) { return 3.0f; });
  make_temperature(params, nullptr)->apply(candidates, rng);
  EXPECT_NEAR(logit_after(candidates, 0), 0, 1e-6);
  const std::vector<float> sure = {50, 0, 0, 0};  // 0.5
  candidates.reset(sure);
  make_temperature(params, nullptr)->apply(candidates, rng);
  EXPECT_NEAR(logit_after(candidates, 1) - logit_after(candidates, 0), -100, 0.1);
}

// exp2(3) = 8 equally likely tokens have the surprise asked for: more than a few are drawn, and far
// from all 2000.
TEST(Mirostat, KeepsToTokensOfAboutTheSurpriseAskedFor) {
  const auto logits = random_logits(2000, 11, 2.5);
  for (const int32_t version : {1, 2}) {
    SamplingParams params = everything();
    params.mirostat = version;
    params.mirostat_tau = 3;
    params.top_k = 1;  // must rest
    Sampler sampler(params);
    std::set<int32_t> drawn;
    for (int i = 0; i < 4000; ++i) drawn.insert(sampler.sample(logits).value());
    EXPECT_GT(drawn.size(), 4u) << version;
    EXPECT_LT(drawn.size(), 200u) << version;
  }
}

// Pearson's statistic with 99 degrees of freedom is above 149 once in a thousand seeds.
TEST(Sampler, DrawsFromTheWholeVocabularyFollowTheProbabilities) {
  const auto logits = random_logits(100, 4, 1.5);
  const auto entries = sorted(logits);
  constexpr int n = 100'000;
  std::vector<int> counts(logits.size());
  Sampler sampler(everything());
  for (int i = 0; i < n; ++i) ++counts[static_cast<size_t>(sampler.sample(logits).value())];
  double statistic = 0;
  for (const Entry& entry : entries)
    statistic += std::pow(counts[static_cast<size_t>(entry.id)] - n * entry.p, 2) / (n * entry.p);
  EXPECT_LT(statistic, 149);
}

TEST(Sampler, TheOrderIsTheOneAskedFor) {
  // At temperature 10 min_p leaves all; before it only the best.
  const std::vector<float> logits = {5, 1, 0};
  SamplingParams params = everything();
  params.temperature = 10;
  params.min_p = 0.3f;
  const auto drawn = [&](const char* order) {
    params.samplers = order;
    Sampler sampler(params);
    std::set<int32_t> ids;
    for (int i = 0; i < 500; ++i) ids.insert(sampler.sample(logits).value());
    return ids.size();
  };
  EXPECT_EQ(drawn("mt"), 1u);
  EXPECT_EQ(drawn("tm"), 3u);
}

TEST(Sampler, BiasMovesALogitAndMinusInfinityForbids) {
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{2, 10}, {0, -std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(Sampler(params).sample(std::vector<float>{99, 1, 0}).value(), 2);
  params.logit_bias.push_back({1, -std::numeric_limits<float>::infinity()});
  params.logit_bias.push_back({2, -std::numeric_limits<float>::infinity()});
  EXPECT_EQ(Sampler(params).sample(std::vector<float>{99, 1, 0}).error().fault, Fault::unsupported);
}

TEST(Sampler, TinyTemperaturesAreGreedy) {
  SamplingParams params = everything();
  params.temperature = 1e-30f;
  EXPECT_EQ(Sampler(params).sample(std::vector<float>{1, 3, 2.9999f}).value(), 1);
}

TEST(SamplerNames, GoBothWays) {
  EXPECT_EQ(sampler_letters("penalties;top_k;temperature").value(), "ekt");
  EXPECT_EQ(sampler_letters("top-p, typical, temp").value(), "pyt");
  EXPECT_EQ(sampler_names("ekt"), "penalties;top_k;temperature");
  EXPECT_THAT(sampler_letters("top_z").error().text, testing::HasSubstr("known: penalties"));
  SamplingParams params;
  params.samplers = "kk";
  EXPECT_EQ(check_sampling(params).error().fault, Fault::usage);
  params.samplers = "q";
  EXPECT_EQ(check_sampling(params).error().fault, Fault::usage);
}

}  // namespace
}  // namespace quire
