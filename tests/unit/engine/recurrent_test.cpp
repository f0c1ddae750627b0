// Sequences whose state cannot be cut back: the runner says so, the engine runs prompts anew.
#include "engine/engine.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

std::shared_ptr<const Model> golden(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}

Request request(std::vector<int32_t> prompt) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.n_predict = 6;
  request.end = EndOfGeneration::never_drawn;
  return request;
}

std::vector<int32_t> fresh_answer(const std::vector<int32_t>& prompt) {
  const auto engine = Engine::create(golden("mamba2"), {.n_threads = 1}).value();
  return generate(*engine, request(prompt), nullptr).value().tokens;
}

TEST(Recurrent, ARunnerSaysWhetherItCanCutSequencesBack) {
  EXPECT_TRUE(Runner::create(golden("llama-f32"), {.n_threads = 1}).value()->can_truncate());
  EXPECT_FALSE(Runner::create(golden("mamba2"), {.n_threads = 1}).value()->can_truncate());
}

TEST(Recurrent, AForgottenSequenceStartsFromNothing) {
  const auto runner = Runner::create(golden("mamba2"), {.n_threads = 1}).value();
  const std::vector<int32_t> tokens{9, 8, 7, 6};
  const auto last = [&] {
    const auto logits = runner->run(tokens).value();
    return std::vector<float>(logits.data(), logits.data() + logits.dim(1));
  };
  const std::vector<float> first = last();
  runner->truncate(0, 4);  // nothing to cut
  EXPECT_EQ(runner->n_past(), 4);
  EXPECT_NE(last(), first);
  runner->truncate(0, 0);
  EXPECT_EQ(last(), first);
}

TEST(Recurrent, APromptThatGoesOnReusesTheStateAndOneThatPartsDoesNot) {
  const auto engine = Engine::create(golden("mamba2"), {.n_threads = 1}).value();
  const std::vector<int32_t> prompt{5, 60, 70, 80};
  const Outcome first = generate(*engine, request(prompt), nullptr).value();
  EXPECT_EQ(first.timings.n_cached, 0);

  std::vector<int32_t> longer = prompt;
  longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
  longer.push_back(100);
  const Outcome second = generate(*engine, request(longer), nullptr).value();
  EXPECT_EQ(second.timings.n_cached, static_cast<int64_t>(longer.size()) - 2);
  EXPECT_EQ(second.tokens, fresh_answer(longer));

  const std::vector<int32_t> other{5, 60, 70, 90, 3};  // shares three tokens
  const Outcome third = generate(*engine, request(other), nullptr).value();
  EXPECT_EQ(third.timings.n_cached, 0);
  EXPECT_EQ(third.tokens, fresh_answer(other));
}

TEST(Recurrent, MoreSequencesTakeMoreState) {
  const auto bytes = [](int32_t n_sequences) {
    return Runner::create(golden("mamba2"), {.n_sequences = n_sequences, .n_threads = 1})
        .value()
        ->kv_bytes();
  };
  EXPECT_GT(bytes(1), 0);
  EXPECT_EQ(bytes(3), 3 * bytes(1));
}

// --- states that are kept of prompts

RunnerOptions keeping(int32_t n_sequences = 1) {
  return {.n_sequences = n_sequences, .n_threads = 1, .snapshot_bytes = 64 << 20};
}

std::vector<int32_t> text(int32_t n, int32_t first = 3) {
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < n; ++i) tokens.push_back(first + i * i % 240);
  return tokens;
}
// The first n tokens of text() and others behind.
std::vector<int32_t> parting(int32_t n, int32_t n_all, int32_t other) {
  std::vector<int32_t> tokens = text(n);
  while (static_cast<int32_t>(tokens.size()) < n_all) tokens.push_back(other);
  return tokens;
}

TEST(RecurrentPrompts, OneThatPartsGoesOnFromAStateBeforeThat) {
  const auto engine = Engine::create(golden("mamba2"), keeping()).value();
  EXPECT_EQ(generate(*engine, request(text(240)), nullptr).value().timings.n_cached, 0);
  // Kept at 96 (128 before the end) and at 224 (the end): blocks of 32.
  const auto second = generate(*engine, request(parting(230, 245, 9)), nullptr).value();
  EXPECT_EQ(second.timings.n_cached, 224);
  EXPECT_EQ(second.tokens, fresh_answer(parting(230, 245, 9)));
  const auto third = generate(*engine, request(parting(200, 245, 8)), nullptr).value();
  EXPECT_EQ(third.timings.n_cached, 96);
  EXPECT_EQ(third.tokens, fresh_answer(parting(200, 245, 8)));
  // Where it parted, a state was kept: the next one that parts there goes on from it.
  const auto fourth = generate(*engine, request(parting(200, 245, 7)), nullptr).value();
  EXPECT_EQ(fourth.timings.n_cached, 192);
  EXPECT_EQ(fourth.tokens, fresh_answer(parting(200, 245, 7)));
}

TEST(RecurrentPrompts, TheSameOneAgainRunsItsLastBlockOnly) {
  const auto engine = Engine::create(golden("mamba2"), keeping()).value();
  const Outcome first = generate(*engine, request(text(240)), nullptr).value();
  const Outcome again = generate(*engine, request(text(240)), nullptr).value();
  EXPECT_EQ(again.timings.n_cached, 224);
  EXPECT_EQ(again.tokens, first.tokens);
}

TEST(RecurrentPrompts, OtherSaltsShareNothing) {
  const auto engine = Engine::create(golden("mamba2"), keeping()).value();
  const auto n_cached = [&](const char* salt) {
    Request one = request(text(240));
    one.cache_salt = salt;
    return generate(*engine, std::move(one), nullptr).value().timings.n_cached;
  };
  EXPECT_EQ(n_cached("a"), 0);
  EXPECT_EQ(n_cached("b"), 0);
  EXPECT_EQ(n_cached(""), 0);
  EXPECT_EQ(n_cached("a"), 224);
}

TEST(RecurrentPrompts, OnesThatComeTogetherRunTheirCommonPartOnce) {
  const auto engine = Engine::create(golden("mamba2"), keeping(4)).value();
  std::vector<Outcome> outcomes(4);
  for (size_t i = 0; i < 4; ++i) {
    Request one = request(parting(170, 240, static_cast<int32_t>(5 + i)));
    one.on_finish = [&outcomes, i](const Outcome& outcome) { outcomes[i] = outcome; };
    ASSERT_TRUE(engine->add(std::move(one)).has_value());
  }
  while (engine->step().value()) {
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(outcomes[i].timings.n_cached, i > 0 ? 160 : 0) << i;
    EXPECT_EQ(outcomes[i].tokens, fresh_answer(parting(170, 240, static_cast<int32_t>(5 + i))));
  }
}

TEST(RecurrentPrompts, WhenTheFirstIsCancelledTheNextGoesOn) {
  const auto engine = Engine::create(golden("mamba2"), keeping(2)).value();
  const RequestId first = engine->add(request(parting(200, 240, 5))).value();
  Outcome second;
  Request other = request(parting(200, 240, 6));
  other.on_finish = [&](const Outcome& outcome) { second = outcome; };
  ASSERT_TRUE(engine->add(std::move(other)).has_value());
  ASSERT_TRUE(engine->step().value());
  engine->cancel(first);
  for (int n = 0; engine->step().value(); ++n) ASSERT_LT(n, 200);
  EXPECT_EQ(second.tokens, fresh_answer(parting(200, 240, 6)));
}

TEST(RecurrentPrompts, TheStateUsedLongestAgoGivesItsPlace) {
  RunnerOptions options = keeping();
  const auto probe = Runner::create(golden("mamba2"), {.n_threads = 1}).value();
  options.snapshot_bytes = 3 * probe->kv_bytes();
  const auto engine = Engine::create(golden("mamba2"), options).value();
  ASSERT_EQ(engine->runner().snapshots()->n_places(), 3);
  const auto n_cached = [&](int32_t first) {
    return generate(*engine, request(text(120, first)), nullptr).value().timings.n_cached;
  };
  for (const int32_t first : {3, 4, 5}) EXPECT_EQ(n_cached(first), 0);
  EXPECT_EQ(n_cached(3), 96);
  EXPECT_EQ(n_cached(6), 0);  // takes the place of 4
  EXPECT_EQ(n_cached(3), 96);
  EXPECT_EQ(n_cached(5), 96);
  EXPECT_EQ(n_cached(4), 0);
  EXPECT_EQ(engine->runner().snapshots()->n_used(), 3);
}

TEST(RecurrentPrompts, WithoutRoomForStatesAnswersAreTheSame) {
  RunnerOptions options = keeping();
  options.snapshot_bytes = 0;
  const auto engine = Engine::create(golden("mamba2"), options).value();
  EXPECT_EQ(engine->runner().snapshots(), nullptr);
  EXPECT_EQ(generate(*engine, request(text(240)), nullptr).value().tokens, fresh_answer(text(240)));
}

}  // namespace
}  // namespace quire
