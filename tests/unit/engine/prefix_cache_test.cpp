// What sequences share changes how soon an answer begins and nothing else.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using Sharing = SequenceCache::Sharing;

std::shared_ptr<const Model> golden(const std::string& name) {
  const std::string folder = name.starts_with("tales") ? "/models/" : "/tests/golden/model/";
  return Model::load(QUIRE_SOURCE_DIR + folder + name + ".gguf").value();
}

// n tokens that depend on `kind`, in the vocabularies of all golden models.
std::vector<int32_t> text(int64_t n, int32_t kind) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>(3 + (i * i * 7 + i * (11 + kind) + kind * 29) % 240));
  return tokens;
}
std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Request greedy(std::vector<int32_t> prompt, int64_t n_predict = 8) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.n_predict = n_predict;
  request.end = EndOfGeneration::never_drawn;
  return request;
}

struct Answer {
  std::vector<int32_t> tokens;
  std::vector<float> log_probabilities;
  Timings timings;
};
Answer answer(Engine& engine, Request request) {
  Answer answer;
  request.on_token = [&](const DrawnToken& token) {
    answer.log_probabilities.push_back(token.log_probability);
  };
  const Outcome outcome = generate(engine, std::move(request), nullptr).value();
  answer.tokens = outcome.tokens;
  answer.timings = outcome.timings;
  return answer;
}

RunnerOptions options_with(Sharing sharing) {
  RunnerOptions options{.n_sequences = 4, .n_threads = 1};
  options.sharing = sharing;
  return options;
}
Answer fresh_answer(const std::shared_ptr<const Model>& model, RunnerOptions options,
                    const Request& request) {
  options.sharing = Sharing::off;
  return answer(*Engine::create(model, options).value(), request);
}

// Another number of rows in a step rounds otherwise, so numbers agree and are not equal.
void expect_same(const Answer& shared, const Answer& fresh, double tolerance) {
  EXPECT_EQ(shared.tokens, fresh.tokens);
  ASSERT_EQ(shared.log_probabilities.size(), fresh.log_probabilities.size());
  for (size_t i = 0; i < fresh.log_probabilities.size(); ++i)
    EXPECT_NEAR(shared.log_probabilities[i], fresh.log_probabilities[i], tolerance) << i;
}

struct Case {
  const char* model;
  DType k, v;
  double tolerance;
};

TEST(PrefixCache, AnswersAreTheSameForAllTypesOfTheCacheAndAllKindsOfAttention) {
  const Case cases[] = {{"llama-f32", DType::f32, DType::f32, 1e-3},
                        {"llama-f32", DType::f16, DType::f16, 2e-2},
                        {"llama-f32", DType::bf16, DType::f32, 5e-2},
                        {"llama-odd-sizes", DType::f16, DType::f16, 2e-2},
                        {"tales-3m-q8_0", DType::q8_0, DType::q8_0, 5e-2},
                        {"gpt2-f32", DType::f32, DType::f32, 1e-3},
                        {"gemma2-window", DType::f32, DType::f32, 1e-3},
                        {"gemma3-window", DType::f16, DType::f16, 2e-2},
                        {"mistral-window", DType::f32, DType::f32, 1e-3},
                        {"gpt-oss-mxfp4", DType::f32, DType::f32, 1e-3},
                        {"deepseek2-v2", DType::f32, DType::f32, 1e-3},
                        {"mixtral", DType::f32, DType::f32, 1e-3}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.model);
    const auto model = golden(c.model);
    RunnerOptions options = options_with(Sharing::on);
    options.n_ctx = std::min<int64_t>(model->hparams().n_ctx_train, 128);
    options.k_dtype = c.k, options.v_dtype = c.v;
    const auto start = text(options.n_ctx - 48, 0);
    const auto engine = Engine::create(model, options).value();
    answer(*engine, greedy(joined(start, text(9, 1))));
    for (const int32_t kind : {1, 2, 3}) {
      const Request request = greedy(joined(start, text(kind == 3 ? 1 : 20, kind)));
      const Answer shared = answer(*engine, request);
      EXPECT_GE(shared.timings.n_cached, static_cast<int64_t>(start.size()));
      expect_same(shared, fresh_answer(model, options, request), c.tolerance);
    }
  }
}

TEST(PrefixCache, WhatWasSharedBeforeAnEarlierSharerLeftItStaysRight) {
  const auto model = golden("llama-f32");
  const auto engine = Engine::create(model, options_with(Sharing::on)).value();
  const auto start = text(70, 0);
  std::vector<Answer> answers(4);
  // Staggered, so that some begin while others write behind the same start.
  for (int32_t i = 0; i < 4; ++i) {
    Request request = greedy(joined(start, {100 + i}), 12 + 6 * i);
    request.on_token = [&answers, i](const DrawnToken& token) {
      answers[static_cast<size_t>(i)].log_probabilities.push_back(token.log_probability);
    };
    request.on_finish = [&answers, i](const Outcome& outcome) {
      answers[static_cast<size_t>(i)].tokens = outcome.tokens;
      answers[static_cast<size_t>(i)].timings = outcome.timings;
    };
    ASSERT_TRUE(engine->add(std::move(request)).has_value());
    for (int n = 0; n < 3 * i; ++n) ASSERT_TRUE(engine->step().has_value());
  }
  while (engine->step().value()) {
  }
  for (int32_t i = 0; i < 4; ++i)
    expect_same(answers[static_cast<size_t>(i)],
                fresh_answer(model, options_with(Sharing::off),
                             greedy(joined(start, {100 + i}), 12 + 6 * i)),
                1e-3);
}

TEST(PrefixCache, RequestsThatComeTogetherRunTheirCommonStartOnce) {
  const auto model = golden("llama-f32");
  const auto engine = Engine::create(model, options_with(Sharing::on)).value();
  std::vector<Timings> timings;
  int64_t n_held_most = 0;
  for (int32_t i = 0; i < 4; ++i) {
    Request request = greedy(text(100, 0), 8);
    request.on_finish = [&](const Outcome& outcome) { timings.push_back(outcome.timings); };
    ASSERT_TRUE(engine->add(std::move(request)).has_value());
  }
  while (engine->step().value())
    n_held_most = std::max(n_held_most, engine->runner().cache().use().n_held);
  ASSERT_EQ(timings.size(), 4u);
  int64_t n_run = 0;
  for (const Timings& t : timings) n_run += t.n_prompt - t.n_cached;
  EXPECT_LE(n_run, 100 + 3 * 4);
  EXPECT_LE(n_held_most, 3 + 4);  // three shared blocks and a tail for each
}

TEST(PrefixCache, APromptGoesOnWhenTheOneItWaitedForIsCancelled) {
  const auto model = golden("llama-f32");
  RunnerOptions options = options_with(Sharing::on);
  options.n_batch = 16;
  const auto engine = Engine::create(model, options).value();
  const RequestId first = engine->add(greedy(text(100, 0))).value();
  Answer second;
  Request request = greedy(text(100, 0));
  request.on_finish = [&](const Outcome& outcome) {
    second.tokens = outcome.tokens;
    second.timings = outcome.timings;
  };
  ASSERT_TRUE(engine->add(std::move(request)).has_value());
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(engine->step().has_value());
  engine->cancel(first);
  while (engine->step().value()) {
  }
  EXPECT_EQ(second.timings.n_cached, 48);  // what the first one had run
  EXPECT_EQ(second.tokens, fresh_answer(model, options, greedy(text(100, 0))).tokens);
}

TEST(PrefixCache, AFullPoolForgetsWhatWasUsedLongestAgoAndAnswersStayRight) {
  const auto model = golden("llama-f32");
  RunnerOptions options = options_with(Sharing::on);
  options.n_ctx = 128;
  options.n_pool = 128;
  const auto engine = Engine::create(model, options).value();
  const auto first = text(64, 0);
  for (int32_t kind = 0; kind < 12; ++kind) {
    // The first start is used between all others, so it stays.
    answer(*engine, greedy(joined(first, {200, 7 + kind}), 2));
    const Request request = greedy(text(40, kind + 1), 4);
    expect_same(answer(*engine, request), fresh_answer(model, options, request), 1e-3);
  }
  EXPECT_GT(engine->runner().cache().use().n_evicted, 0);
  EXPECT_EQ(answer(*engine, greedy(joined(first, {201}))).timings.n_cached, 64);
}

TEST(PrefixCache, ManyLongRequestsInASmallPoolAllComeToTheirEnd) {
  const auto model = golden("llama-f32");
  RunnerOptions options = options_with(Sharing::on);
  options.n_ctx = 128;
  options.n_pool = 160;
  options.n_batch = 24;
  const auto engine = Engine::create(model, options).value();
  std::vector<std::vector<int32_t>> answers(10);
  const auto prompt = [](int32_t i) { return joined(text(50 + i % 3 * 10, i % 2), {i + 5}); };
  for (int32_t i = 0; i < 10; ++i) {
    Request request = greedy(prompt(i), 30);
    request.on_finish = [&answers, i](const Outcome& outcome) {
      answers[static_cast<size_t>(i)] = outcome.tokens;
    };
    ASSERT_TRUE(engine->add(std::move(request)).has_value());
  }
  int n_steps = 0;
  while (engine->step().value()) ASSERT_LT(++n_steps, 5000);
  for (int32_t i = 0; i < 10; ++i)
    EXPECT_EQ(answers[static_cast<size_t>(i)],
              fresh_answer(model, options, greedy(prompt(i), 30)).tokens)
        << i;
}

TEST(PrefixCache, SequencesWithDifferentSaltsShareNothing) {
  const auto engine = Engine::create(golden("llama-f32"), options_with(Sharing::on)).value();
  const auto cached = [&](const std::string& salt) {
    Request request = greedy(text(80, 0));
    request.cache_salt = salt;
    return answer(*engine, request).timings.n_cached;
  };
  EXPECT_EQ(cached("one"), 0);
  EXPECT_EQ(cached("two"), 0);
  EXPECT_EQ(cached(""), 0);
  EXPECT_EQ(cached("one"), 79);
}

TEST(PrefixCache, ModelsWithAStateOfTheirOwnDoNotShare) {
  const auto runner = Runner::create(golden("mamba2"), {.n_threads = 1}).value();
  EXPECT_FALSE(runner->cache().shares());
  EXPECT_TRUE(Runner::create(golden("llama-f32"), {.n_threads = 1}).value()->cache().shares());
}

TEST(PrefixCache, AShiftedContextDoesNotSpoilWhatOthersShare) {
  const auto model = golden("llama-f32");
  RunnerOptions options = options_with(Sharing::on);
  options.n_ctx = 64;
  const auto engine = Engine::create(model, options).value();
  Request shifting = greedy(text(50, 0), 40);
  shifting.shift = {.wanted = true, .n_keep = 20};
  const Answer shifted = answer(*engine, shifting);
  EXPECT_EQ(shifted.tokens, fresh_answer(model, options, shifting).tokens);
  const Request request = greedy(joined(text(45, 0), {9}));
  const Answer shared = answer(*engine, request);
  EXPECT_GT(shared.timings.n_cached, 0);
  expect_same(shared, fresh_answer(model, options, request), 1e-3);
}

}  // namespace
}  // namespace quire
