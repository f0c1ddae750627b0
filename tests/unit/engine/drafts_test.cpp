// Drafts change how fast tokens come and nothing else.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace quire {
namespace {

std::shared_ptr<const Model> golden(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}

// A text that repeats itself, so that there is something to look up.
Request repetitive(int64_t n_predict, float temperature, uint64_t seed = 3) {
  Request request;
  request.prompt = {1};
  for (int i = 0; i < 40; ++i) request.prompt.push_back(40 + i % 5);
  request.sampling.temperature = temperature;
  request.sampling.top_k = 0;
  request.sampling.seed = seed;
  request.n_predict = n_predict;
  request.end = EndOfGeneration::never_drawn;
  return request;
}

Outcome outcome_of(const std::shared_ptr<const Model>& model, const RunnerOptions& options,
                   const DraftOptions& drafts, const Request& request) {
  auto engine = Engine::create(model, options, drafts).value();
  return generate(*engine, request, nullptr).value();
}

// All guesses are checked, whether they pay on this machine or not.
DraftOptions by(const std::shared_ptr<const Model>& model) {
  DraftOptions options;
  options.model = model;
  options.p_min = 0;
  options.governed = false;
  return options;
}

DraftOptions by_lookup() {
  DraftOptions options;
  options.lookup = true;
  options.governed = false;
  return options;
}

TEST(Drafts, GreedyTokensAreTheSameForAnyNumberOfThreadsAndEitherPrecision) {
  for (const char* name : {"llama-f32", "llama-q8_0", "gpt2-f32", "llama-bf16"}) {
    const auto model = golden(name);
    for (const Precision precision : {Precision::exact, Precision::fast})
      for (const DType type : {DType::f32, DType::f16}) {
        RunnerOptions options;
        options.precision = precision;
        options.k_dtype = options.v_dtype = type;
        options.n_threads = 1;
        const auto plain = outcome_of(model, options, {}, repetitive(50, 0));
        ASSERT_EQ(plain.tokens.size(), 50u);
        EXPECT_EQ(plain.timings.n_drafted, 0);
        const DraftOptions by_model = by(model);
        for (const int n_threads : {1, 2, 3}) {
          options.n_threads = n_threads;
          EXPECT_EQ(outcome_of(model, options, by_lookup(), repetitive(50, 0)).tokens, plain.tokens)
              << name << ", lookup, " << n_threads << " threads";
          const auto drafted = outcome_of(model, options, by_model, repetitive(50, 0));
          EXPECT_EQ(drafted.tokens, plain.tokens) << name << ", model, " << n_threads;
          EXPECT_GT(drafted.timings.n_drafted, 0);
          EXPECT_LE(drafted.timings.n_accepted, drafted.timings.n_drafted);
        }
      }
  }
}

TEST(Drafts, DrawsOfTheSameSeedAreTheSame) {
  const auto model = golden("llama-f32");
  const DraftOptions by_model =
      by(golden("llama-f16"));  // nearly the same one, so that many guesses are right
  int64_t n_accepted = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto plain = outcome_of(model, {.n_threads = 1}, {}, repetitive(80, 0.8f, seed));
    const auto drafted = outcome_of(model, {.n_threads = 1}, by_model, repetitive(80, 0.8f, seed));
    EXPECT_EQ(drafted.tokens, plain.tokens) << seed;
    n_accepted += drafted.timings.n_accepted;
  }
  EXPECT_GT(n_accepted, 0);
}

// The second and third tokens of many short answers, with drafts and without: two samples of one
// distribution. The statistic for two samples of equal size is sum (a-b)^2/(a+b), about chi-square;
// 4 standard deviations of it above its mean are passed less than once in a thousand times.
TEST(Drafts, TheDistributionOfTokensIsTheSame) {
  const auto model = golden("llama-f32");
  auto other = golden("llama-odd-sizes");
  if (other->hparams().n_vocab != model->hparams().n_vocab) other = model;
  const DraftOptions by_model = by(other);
  auto plain = Engine::create(model, {.n_threads = 1}).value();
  auto drafting = Engine::create(model, {.n_threads = 1}, by_model).value();
  std::map<int32_t, std::pair<double, double>> counts;
  int64_t n_drafted = 0;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    Request request = repetitive(8, 1.0f, seed);
    request.sampling.top_k = 8;
    const auto a = generate(*plain, request, nullptr).value();
    request.sampling.seed = seed + 1'000'000;  // other draws
    const auto b = generate(*drafting, request, nullptr).value();
    n_drafted += b.timings.n_drafted;
    counts[a.tokens[6]].first += 1;
    counts[b.tokens[6]].second += 1;
  }
  EXPECT_GT(n_drafted, 100);
  double statistic = 0, n_kinds = 0;
  for (const auto& [token, count] : counts) {
    const auto [a, b] = count;
    if (a + b < 10) continue;
    statistic += (a - b) * (a - b) / (a + b);
    ++n_kinds;
  }
  EXPECT_GT(n_kinds, 3);
  EXPECT_LT(statistic, n_kinds + 4 * std::sqrt(2 * n_kinds));
}

TEST(Drafts, SeveralSequencesGetWhatEachGetsAlone) {
  const auto model = golden("llama-q8_0");
  RunnerOptions options{.n_sequences = 3, .n_threads = 1};
  options.precision = Precision::fast;
  // The rest of a shared prompt has fewer rows than the whole, which rounds otherwise.
  options.sharing = SequenceCache::Sharing::off;
  const DraftOptions by_model = by(model);
  std::vector<std::vector<int32_t>> alone, together(3);
  for (uint64_t i = 0; i < 3; ++i)
    alone.push_back(outcome_of(model, options, {}, repetitive(60, 0.2f, i)).tokens);
  auto engine = Engine::create(model, options, by_model).value();
  int64_t n_accepted = 0;
  for (uint64_t i = 0; i < 3; ++i) {
    Request request = repetitive(60, 0.2f, i);
    request.on_finish = [&, i](const Outcome& outcome) {
      together[i] = outcome.tokens;
      n_accepted += outcome.timings.n_accepted;
    };
    ASSERT_TRUE(engine->add(std::move(request)).has_value());
  }
  while (engine->step().value()) {
  }
  EXPECT_EQ(together, alone);
  EXPECT_GT(n_accepted, 0);
}

TEST(Drafts, StopStringsAndLimitsHoldInsideADraft) {
  const auto model = golden("llama-f32");
  const DraftOptions by_model = by(model);
  const auto whole = outcome_of(model, {.n_threads = 1}, {}, repetitive(60, 0));
  for (const int64_t n : {1, 7, 23, 24, 25, 26, 60})
    EXPECT_EQ(outcome_of(model, {.n_threads = 1}, by_model, repetitive(n, 0)).tokens.size(),
              static_cast<size_t>(n));
  // What follows in the same engine finds a cache that is right.
  auto engine = Engine::create(model, {.n_threads = 1}, by_model).value();
  ASSERT_TRUE(generate(*engine, repetitive(31, 0), nullptr).has_value());
  Request longer = repetitive(20, 0);
  longer.prompt.insert(longer.prompt.end(), whole.tokens.begin(), whole.tokens.begin() + 31);
  const auto rest = generate(*engine, longer, nullptr).value();
  EXPECT_GT(rest.timings.n_cached, 41);
  EXPECT_EQ(rest.tokens,
            std::vector<int32_t>(whole.tokens.begin() + 31, whole.tokens.begin() + 51));
}

TEST(Drafts, AModelWithAnotherVocabularyIsRefused) {
  DraftOptions drafts;
  drafts.model = golden("gpt2-f32");
  const auto engine = Engine::create(golden("llama-f32"), {.n_threads = 1}, drafts);
  ASSERT_FALSE(engine.has_value());
  EXPECT_EQ(engine.error().fault, Fault::unsupported);
  EXPECT_THAT(engine.error().text, testing::HasSubstr("same family"));
}

TEST(ModelDrafter, LooksAtTheLastTokensUntilItIsAskedForAll) {
  const auto model = golden("llama-f32");
  const auto make = [&] {
    return make_model_drafter(model, *model, {.n_threads = 1}, 0.0).value();
  };
  const auto drafter = make();
  std::vector<int32_t> text;
  for (int i = 0; i < 60; ++i) text.push_back(40 + i * 7 % 23);
  const auto ask = [](Drafter& of, std::span<const int32_t> tokens, int64_t n_looked_at) {
    std::vector<DraftRequest> requests(1);
    requests[0] = {.tokens = tokens, .n_max = 3, .n_looked_at = n_looked_at, .draft = {}};
    const int64_t n_unread = of.n_unread(requests[0]);
    EXPECT_TRUE(of.draft(requests).has_value());
    return std::pair(n_unread, requests[0].draft);
  };
  const auto alone = [&](std::span<const int32_t> tokens) {
    return ask(*make(), tokens, 0).second;
  };
  using Answer = std::pair<int64_t, std::vector<int32_t>>;
  const std::span all(text);
  EXPECT_EQ(ask(*drafter, all.first(40), 16), (Answer{15, alone(all.subspan(24, 16))}));
  // Goes on from there: guesses were wrong, three tokens are new.
  EXPECT_EQ(ask(*drafter, all.first(43), 16), (Answer{2, alone(all.subspan(24, 19))}));
  EXPECT_EQ(ask(*drafter, all.first(44), 0), (Answer{43, alone(all.first(44))}));
  EXPECT_EQ(ask(*drafter, all.first(45), 16), (Answer{0, alone(all.first(45))}));
  // Too much has been said since.
  EXPECT_EQ(ask(*drafter, all, 4), (Answer{3, alone(all.last(4))}));
}

TEST(ModelDrafter, KnowsNothingOfASequenceThatItWasToldToForget) {
  const auto model = golden("llama-f32");
  std::vector<int32_t> text(40);
  for (size_t i = 0; i < text.size(); ++i) text[i] = 40 + static_cast<int32_t>(i * 7 % 23);
  const auto drafter = make_model_drafter(model, *model, {.n_threads = 1}, 0.0).value();
  const auto ask = [&] {
    std::vector<DraftRequest> requests(1);
    requests[0] = {.tokens = text, .n_max = 3, .n_looked_at = 0, .draft = {}};
    const int64_t n_unread = drafter->n_unread(requests[0]);
    EXPECT_TRUE(drafter->draft(requests).has_value());
    return std::pair(n_unread, requests[0].draft);
  };
  const auto first = ask();
  EXPECT_EQ(ask().first, 0);
  drafter->forget(0);
  EXPECT_EQ(ask(), first);
}

// Guesses nothing, and writes down what it is asked and told.
class RecordingDrafter : public Drafter {
 public:
  explicit RecordingDrafter(std::vector<std::string>& log) : log_(log) {}
  Result<void> draft(std::span<DraftRequest> requests) override {
    for (const DraftRequest& request : requests)
      if (log_.empty() || log_.back() != "draft " + std::to_string(request.sequence))
        log_.push_back("draft " + std::to_string(request.sequence));
    return {};
  }
  void forget(int32_t sequence) override { log_.push_back("forget " + std::to_string(sequence)); }
  const char* name() const override { return "recording"; }

 private:
  std::vector<std::string>& log_;
};

TEST(Drafts, ForgetASequenceBeforeItIsThatOfAnotherCacheSalt) {
  std::vector<std::string> log;
  DraftOptions drafts;
  drafts.make = [&] { return std::make_unique<RecordingDrafter>(log); };
  drafts.governed = false;
  auto engine = Engine::create(golden("llama-f32"), {.n_sequences = 1, .n_threads = 1}, drafts);
  ASSERT_TRUE(engine.has_value());
  EXPECT_EQ((*engine)->draft_kind(), "recording");
  for (const char* salt : {"a", "a", "b", "a"}) {
    Request request = repetitive(6, 0);
    request.cache_salt = salt;
    ASSERT_TRUE(generate(**engine, request, nullptr).has_value());
  }
  const std::vector<std::string> wanted = {"forget 0", "draft 0",  "forget 0",
                                           "draft 0",  "forget 0", "draft 0"};
  EXPECT_EQ(log, wanted);
}

// Time that a simulated run takes: a step costs 1, a guess `cost`, and is right with probability p.
double simulated(double cost, double p, int n_tokens) {
  DraftGovernor governor;
  Rng rng(7);
  double time = 0;
  for (int n = 0; n < n_tokens;) {
    const int64_t n_drafted = std::min<int64_t>(governor.n_allowed(1), 4);
    int64_t n_right = 0;
    while (n_right < n_drafted && rng.uniform() < p) ++n_right;
    const double drafting_s = cost * static_cast<double>(n_drafted);
    const double seconds = 1 + drafting_s;
    governor.step_done(1, {n_drafted, n_right, 0, drafting_s}, n_right + 1, seconds);
    time += seconds;
    n += static_cast<int>(n_right) + 1;
  }
  return time;
}

TEST(Governor, LosesLittleHoweverDearAndWrongGuessesAre) {
  for (const double cost : {0.02, 0.2, 0.5, 1.0})
    for (const double p : {0.0, 0.1, 0.5})
      for (const int n : {128, 1000})
        EXPECT_LT(simulated(cost, p, n), n * 1.03) << cost << " " << p << " " << n;
}

// A model that is asked and never sure enough of a guess takes time, too.
TEST(Governor, CountsTimeForGuessesThatNobodyMade) {
  for (const double cost : {0.1, 0.5, 1.0}) {
    DraftGovernor governor(cost);
    double time = 0;
    for (int n = 0; n < 200; ++n) {
      const double drafting_s = governor.n_allowed(1) > 0 ? cost : 0;
      governor.step_done(1, {0, 0, 0, drafting_s}, 1, 1 + drafting_s);
      time += 1 + drafting_s;
    }
    EXPECT_LT(time, 200 * 1.03) << cost;
    EXPECT_GT(time, 200) << "it was asked, so that good guesses could be found";
  }
}

TEST(Governor, ReadsTheWholeTextOutOfWhatWasWon) {
  DraftGovernor governor(0.1);
  EXPECT_FALSE(governor.can_read(1, 100));
  for (int i = 0; i < 5; ++i) governor.step_done(1, {}, 1, 1);
  EXPECT_FALSE(governor.can_read(1, 100));  // 10 steps
  int n = 0;
  for (; n < 100 && !governor.can_read(1, 100); ++n) governor.step_done(1, {2, 2, 0, 0.2}, 3, 1.2);
  EXPECT_EQ(n, 6);  // each wins 1.8 steps
  governor.step_done(1, {2, 0, 100, 10.2}, 1, 11.2);
  EXPECT_FALSE(governor.can_read(1, 100));  // what was won is spent
  EXPECT_GT(governor.n_allowed(1), 0);
}

TEST(Governor, WinsWhereThereIsSomethingToWin) {
  EXPECT_LT(simulated(0.1, 0.9, 500), 500 * 0.5);
  EXPECT_LT(simulated(0.2, 0.7, 500), 500 * 0.75);
}

}  // namespace
}  // namespace quire
