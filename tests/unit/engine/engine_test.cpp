#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Model> golden(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}

std::unique_ptr<Engine> engine_of(const std::shared_ptr<const Model>& model,
                                  RunnerOptions options = {.n_threads = 1}) {
  return Engine::create(model, options).value();
}

Request request(std::vector<int32_t> prompt, int64_t n_predict = 20, uint64_t seed = 5) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.seed = seed;
  request.sampling.temperature = 1;
  request.n_predict = n_predict;
  request.end = EndOfGeneration::never_drawn;
  return request;
}

TEST(Runner, AnyBatchSizeGivesTheSameLogits) {
  const auto model = golden("llama-f32");
  std::vector<int32_t> tokens;
  for (int i = 0; i < 30; ++i) tokens.push_back(3 + i * 7 % 200);
  const auto last = [&](int64_t n_batch) {
    auto runner = Runner::create(model, {.n_batch = n_batch, .n_threads = 1}).value();
    const auto logits = runner->run(tokens).value();
    return std::vector<float>(logits.data(), logits.data() + logits.dim(1));
  };
  const std::vector<float> whole = last(512);
  for (const int64_t n_batch : {1, 7, 29}) {
    const std::vector<float> cut = last(n_batch);
    for (size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(cut[i], whole[i], 1e-4);
  }
}

TEST(Runner, AllLogitsOfALongInputComeInOrder) {
  const auto model = golden("llama-f32");
  const std::vector<int32_t> tokens = {5, 6, 7, 8, 9, 10, 11};
  auto runner = Runner::create(model, {.n_batch = 3, .n_threads = 1}).value();
  const auto all = runner->run(tokens, Want::all).value();
  ASSERT_EQ(all.dim(0), 7);
  std::vector<float> kept(all.data(), all.data() + all.n_elements());
  runner->truncate(0, 0);
  for (int64_t i = 0; i < 7; ++i) {
    const auto one = runner->run(std::span(tokens).subspan(static_cast<size_t>(i), 1)).value();
    EXPECT_NEAR(one(0, 4), kept[static_cast<size_t>(i * all.dim(1) + 4)], 1e-4) << i;
  }
}

TEST(Runner, RefusesWhatDoesNotFitAndChangesNothing) {
  const auto model = golden("llama-f32");
  auto runner = Runner::create(model, {.n_ctx = 4, .n_threads = 1}).value();
  EXPECT_EQ(runner->run(std::vector<int32_t>{1, 2, 3, 4, 5}).error().fault, Fault::limit);
  EXPECT_EQ(runner->run(std::vector<int32_t>{1, 99999}).error().fault, Fault::usage);
  EXPECT_EQ(runner->run(std::vector<int32_t>{-1}).error().fault, Fault::usage);
  EXPECT_EQ(runner->run(std::vector<int32_t>{}).error().fault, Fault::usage);
  EXPECT_EQ(runner->n_past(), 0);
  EXPECT_EQ(Runner::create(model, {.n_ctx = 1 << 30}).error().fault, Fault::usage);
}

TEST(Engine, TheSameSeedGivesTheSameTextOnAnyNumberOfThreads) {
  const auto model = golden("llama-q8_0");
  std::vector<int32_t> expected;
  for (const int n_threads : {1, 2, 3}) {
    auto engine = engine_of(model, {.n_threads = n_threads});
    const auto outcome = generate(*engine, request({1, 40, 50}), nullptr).value();
    if (n_threads == 1) expected = outcome.tokens;
    EXPECT_EQ(outcome.tokens.size(), 20u);
    EXPECT_EQ(outcome.tokens, expected);
  }
}

TEST(Engine, AnotherSeedGivesAnotherText) {
  auto engine = engine_of(golden("llama-f32"));
  EXPECT_NE(generate(*engine, request({1, 40}, 20, 1), nullptr)->tokens,
            generate(*engine, request({1, 40}, 20, 2), nullptr)->tokens);
}

TEST(Engine, SequencesSideBySideGetWhatEachGetsAlone) {
  const auto model = golden("llama-f32");
  std::vector<std::vector<int32_t>> alone, together(5);
  for (uint64_t i = 0; i < 5; ++i)
    alone.push_back(
        generate(*engine_of(model), request({1, static_cast<int32_t>(40 + i)}, 12, i), nullptr)
            ->tokens);
  auto engine = engine_of(model, {.n_sequences = 3, .n_threads = 1});  // two have to wait
  for (uint64_t i = 0; i < 5; ++i) {
    Request next = request({1, static_cast<int32_t>(40 + i)}, 12, i);
    next.on_finish = [&together, i](const Outcome& outcome) { together[i] = outcome.tokens; };
    ASSERT_TRUE(engine->add(std::move(next)).has_value());
  }
  while (engine->step().value()) {
  }
  EXPECT_EQ(together, alone);
}

TEST(Engine, APromptLongerThanABatchGeneratesTheSame) {
  const auto model = golden("llama-f32");
  std::vector<int32_t> prompt;
  for (int i = 0; i < 50; ++i) prompt.push_back(3 + i * 11 % 250);
  Request greedy = request(prompt, 10);
  greedy.sampling.temperature = 0;
  EXPECT_EQ(generate(*engine_of(model), greedy, nullptr)->tokens,
            generate(*engine_of(model, {.n_batch = 8, .n_threads = 1}), greedy, nullptr)->tokens);
}

TEST(Engine, AStopStringEndsTheTextBeforeIt) {
  auto engine = engine_of(golden("llama-f32"));
  std::string whole;
  ASSERT_TRUE(generate(*engine, request({1, 40, 50}, 40), &whole).has_value());
  const size_t begin = whole.size() / 2;
  const std::string stop = whole.substr(begin, 5);  // from inside a token, over several of them
  Request stopped = request({1, 40, 50}, 40);
  stopped.stop = {"never there", stop};
  std::string text;
  const Outcome outcome = generate(*engine, stopped, &text).value();
  EXPECT_EQ(outcome.reason, StopReason::stop_string);
  EXPECT_EQ(text, whole.substr(0, whole.find(stop)));
}

TEST(Engine, EveryPieceOfTextIsWholeCharacters) {
  auto engine = engine_of(golden("gpt2-f32"));
  Request bytes = request({1, 40}, 60);
  bool sound = true;
  std::string whole;
  bytes.on_text = [&](std::string_view piece) {
    whole += piece;
    sound &= (static_cast<unsigned char>(piece.front()) & 0xC0) != 0x80;
    size_t i = 0;
    while (i < piece.size()) {
      const auto lead = static_cast<unsigned char>(piece[i]);
      i += lead < 0x80 ? 1u : lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u;
    }
    sound &= i == piece.size();
  };
  ASSERT_TRUE(engine->add(std::move(bytes)).has_value());
  while (engine->step().value()) {
  }
  EXPECT_TRUE(sound);
  EXPECT_THAT(whole, HasSubstr("\xEF\xBF\xBD"));  // the model does write broken characters
}

TEST(Engine, AFullContextIsReported) {
  auto engine = engine_of(golden("llama-f32"), {.n_ctx = 8, .n_threads = 1});
  const Outcome outcome = generate(*engine, request({1, 40, 50}, -1), nullptr).value();
  EXPECT_EQ(outcome.reason, StopReason::context_full);
  EXPECT_EQ(outcome.tokens.size(), 6u);  // the last one is drawn and needs no position
}

TEST(Engine, APromptThatDoesNotFitIsRefusedWithBothCounts) {
  auto engine = engine_of(golden("llama-f32"), {.n_ctx = 4, .n_threads = 1});
  const auto refused = engine->add(request({1, 2, 3, 4, 5}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fault, Fault::limit);
  EXPECT_THAT(refused.error().text, HasSubstr("5 tokens"));
  EXPECT_THAT(refused.error().text, HasSubstr("room for 4"));
  EXPECT_EQ(engine->add(request({})).error().fault, Fault::usage);
  EXPECT_EQ(engine->add(request({-1})).error().fault, Fault::usage);
}

TEST(Engine, CancellingEndsWithinOneStep) {
  auto engine = engine_of(golden("llama-f32"));
  std::vector<StopReason> ends;
  int n_pieces = 0;
  Request running = request({1, 40}, -1);
  RequestId id = 0;
  running.on_text = [&](std::string_view) {
    if (++n_pieces == 3) engine->cancel(id);
  };
  running.on_finish = [&](const Outcome& outcome) { ends.push_back(outcome.reason); };
  Request waiting = request({1, 41}, -1);
  waiting.on_finish = running.on_finish;
  id = engine->add(std::move(running)).value();
  const RequestId second = engine->add(std::move(waiting)).value();
  engine->cancel(second);
  EXPECT_EQ(ends.size(), 1u);
  while (engine->step().value()) {
  }
  EXPECT_EQ(ends, (std::vector<StopReason>{StopReason::cancelled, StopReason::cancelled}));
  EXPECT_LE(n_pieces, 4);  // the third, and what was held back
}

TEST(Engine, AContinuedTextComesFromTheCache) {
  auto engine = engine_of(golden("llama-f32"));
  const std::vector<int32_t> prompt = {1, 40, 50};
  const Outcome first = generate(*engine, request(prompt, 10), nullptr).value();
  std::vector<int32_t> longer = prompt;
  longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
  longer.push_back(60);
  const Outcome second = generate(*engine, request(longer, 5, 9), nullptr).value();
  EXPECT_EQ(second.timings.n_cached, 12);  // all but the last drawn token and the new one
  EXPECT_EQ(second.tokens,
            generate(*engine_of(golden("llama-f32")), request(longer, 5, 9), nullptr)->tokens);
}

TEST(Engine, HigherPrioritiesLeaveTheQueueFirst) {
  auto engine = engine_of(golden("llama-f32"));
  std::string order;
  for (const int32_t priority : {0, 0, 2, 1}) {
    Request next = request({1, 40}, 2);
    next.priority = priority;
    next.on_finish = [&order, priority](const Outcome&) { order += std::to_string(priority); };
    ASSERT_TRUE(engine->add(std::move(next)).has_value());
  }
  while (engine->step().value()) {
  }
  EXPECT_EQ(order, "2100");
}

TEST(Engine, HowFarAPromptIsIsToldFromTheCacheOnwards) {
  const auto model = golden("llama-f32");
  auto engine = engine_of(model, {.n_batch = 16, .n_threads = 1});
  std::vector<int32_t> prompt;
  for (int i = 0; i < 40; ++i) prompt.push_back(3 + i * 7 % 200);
  const auto told = [&] {
    std::vector<PromptProgress> list;
    Request asked = request(prompt, 3);
    asked.on_prompt = [&](const PromptProgress& progress) { list.push_back(progress); };
    EXPECT_TRUE(generate(*engine, std::move(asked), nullptr).has_value());
    return list;
  };
  for (const bool again : {false, true}) {
    const auto list = told();
    ASSERT_GE(list.size(), 2);
    EXPECT_EQ(list.front().n_done, list.front().n_cached);
    EXPECT_EQ(list.front().n_cached > 0, again);
    EXPECT_EQ(list.back().n_done, 40);
    EXPECT_EQ(list.size(), again ? 2 : 4);  // 0, 16, 32, 40
    for (size_t i = 1; i < list.size(); ++i) EXPECT_GT(list[i].n_done, list[i - 1].n_done);
    for (const PromptProgress& one : list) EXPECT_EQ(one.n_total, 40);
  }
}

TEST(Engine, AskingForNothingRunsThePromptOnly) {
  auto engine = engine_of(golden("llama-f32"));
  const Outcome outcome = generate(*engine, request({1, 40}, 0), nullptr).value();
  EXPECT_TRUE(outcome.tokens.empty());
  EXPECT_EQ(outcome.reason, StopReason::n_predict);
}

// Greedy texts, so that rounding of other batches hardly matters; each is compared with itself
// alone.
TEST(Engine, SequencesThatDoNotFitTogetherGiveTheSameTextsAsAlone) {
  const auto model = golden("llama-f32");
  const auto greedy = [](int i) {
    Request one = request({1, 40 + i, 50 + i}, 60);
    one.sampling.temperature = 0;
    return one;
  };
  std::vector<std::vector<int32_t>> alone, together(4);
  for (int i = 0; i < 4; ++i)
    alone.push_back(generate(*engine_of(model), greedy(i), nullptr)->tokens);
  // Four sequences of 63 positions take 8 blocks; there are 3.
  auto engine = engine_of(model, {.n_ctx = 64, .n_sequences = 4, .n_pool = 96, .n_threads = 1});
  for (int i = 0; i < 4; ++i) {
    Request one = greedy(i);
    one.on_finish = [&together, i](const Outcome& outcome) {
      EXPECT_FALSE(outcome.error.has_value());
      together[static_cast<size_t>(i)] = outcome.tokens;
    };
    ASSERT_TRUE(engine->add(std::move(one)).has_value());
  }
  while (engine->step().value()) {
  }
  EXPECT_EQ(together, alone);
}

TEST(Engine, WhatFinishedSequencesLeftGivesWayToNewOnes) {
  auto engine = engine_of(golden("llama-f32"), {.n_ctx = 64, .n_sequences = 3, .n_pool = 64});
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = generate(*engine, request({1, 40 + i}, 40), nullptr).value();
    EXPECT_EQ(outcome.tokens.size(), 40u);
  }
}

// The first of several long prompts is answered before the last one has been run.
TEST(Engine, TheFirstPromptIsAnsweredBeforeTheOthersAreRun) {
  auto engine = engine_of(golden("llama-f32"), {.n_sequences = 3, .n_threads = 1});
  std::string order;
  std::vector<int32_t> prompt = {1};
  while (prompt.size() < 150) prompt.push_back(3 + static_cast<int32_t>(prompt.size()) % 100);
  for (const char name : {'a', 'b', 'c'}) {
    Request one = request(prompt, 2);
    one.prompt[1] = name;
    one.on_text = [&order, name](std::string_view) { order += name; };
    one.on_finish = [&order, name](const Outcome&) {
      order += static_cast<char>(name - 'a' + 'A');
    };
    ASSERT_TRUE(engine->add(std::move(one)).has_value());
  }
  while (engine->step().value()) {
  }
  EXPECT_EQ(order.substr(order.find('A')).find('c') != std::string::npos, true) << order;
  EXPECT_LT(order.find('A'), order.find('C')) << order;
}

// Products take rows by eights, the answers' and the prompts' together.
TEST(Engine, RowsOfAPromptBesideAnAnswerFillPassesOfEightWithIt) {
  auto engine = engine_of(golden("llama-f32"), {.n_sequences = 2, .n_threads = 1});
  ASSERT_TRUE(engine->add(request({1, 40}, 100)).has_value());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->step().value());
  std::vector<int32_t> prompt = {1};
  while (prompt.size() < 150) prompt.push_back(3 + static_cast<int32_t>(prompt.size()) % 100);
  ASSERT_TRUE(engine->add(request(prompt, 2)).has_value());
  std::vector<int64_t> rows;  // of the prompt in each step
  do {
    const int64_t before = engine->n_prompt_rows_run();
    ASSERT_TRUE(engine->step().value());
    rows.push_back(engine->n_prompt_rows_run() - before);
  } while (rows.back() > 0);
  rows.pop_back();
  ASSERT_GT(rows.size(), 2u);
  rows.pop_back();  // what was left
  for (const int64_t n : rows) EXPECT_EQ((n + 1) % 8, 0) << n;
}

TEST(PromptPace, RowsKeepAStepShort) {
  PromptPace pace;
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 63);  // nothing is known yet; 64 with the answer's
  for (int i = 0; i < 50; ++i) pace.step_done(1, 0, 0.030);
  for (int i = 0; i < 50; ++i) pace.step_done(0, 128, 0.512);  // 4 ms a row
  // 1.5 x 30 ms are free, which is 11 rows.
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 7);
  EXPECT_EQ(pace.n_prompt_rows(6, 1), 10);                       // two are no step forward
  EXPECT_EQ(pace.n_prompt_rows(1, 2), 63);                       // more wait than are answered
  for (int i = 0; i < 100; ++i) pace.step_done(0, 128, 0.0512);  // 0.4 ms a row
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 111);
}

TEST(PromptPace, LearnsFromHandfulsOfRowsBesideAnswers) {
  PromptPace pace;
  for (int i = 0; i < 50; ++i) pace.step_done(1, 0, 0.030);
  for (int i = 0; i < 50; ++i) pace.step_done(1, 7, 0.030 + 7 * 0.006);  // 6 ms a row
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 7);
  for (int i = 0; i < 50; ++i) pace.step_done(1, 7, 0.030 + 7 * 0.001);
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 39);
  for (int i = 0; i < 50; ++i) pace.step_done(1, 2, 0.300);  // what is left of a prompt says little
  EXPECT_EQ(pace.n_prompt_rows(1, 1), 39);
}

}  // namespace
}  // namespace quire
