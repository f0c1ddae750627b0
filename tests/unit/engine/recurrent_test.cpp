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

}  // namespace
}  // namespace quire
