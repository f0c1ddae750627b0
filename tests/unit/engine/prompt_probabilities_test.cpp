// Probabilities of a prompt's own tokens, tokens that end an answer, and answers that may not end
// yet.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace quire {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Model> golden(const std::string& name) {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/model/" + name + ".gguf").value();
}

std::vector<int32_t> long_prompt(size_t n) {
  std::vector<int32_t> prompt;
  for (size_t i = 0; i < n; ++i) prompt.push_back(static_cast<int32_t>(3 + i * 7 % 200));
  return prompt;
}

struct Told {
  int64_t index = 0, rank = 0;
  int32_t token = -1;
  float log_probability = 0;
  std::vector<TokenProbability> likeliest;
};

Request telling(std::vector<int32_t> prompt, std::vector<Told>& told, int64_t n_predict = 2) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.n_predict = n_predict;
  request.n_probabilities = 3;
  request.end = EndOfGeneration::never_drawn;
  request.on_prompt_token = [&told](const PromptToken& one) {
    const auto& likeliest = one.token.likeliest;
    told.push_back({one.index,
                    one.rank,
                    one.token.token,
                    one.token.log_probability,
                    {likeliest.begin(), likeliest.end()}});
  };
  return request;
}

// What the runner's logits of the whole prompt say.
void expect_right(const Model& model, const std::vector<int32_t>& prompt,
                  const std::vector<Told>& told) {
  const auto shared = Model::load(model.path()).value();
  auto runner = Runner::create(shared, {.n_threads = 1}).value();
  const auto logits = runner->run(prompt, Want::all).value();
  ASSERT_EQ(told.size(), prompt.size() - 1);
  TokenProbabilities probabilities;
  for (size_t i = 0; i < told.size(); ++i) {
    const std::span<const float> row(logits.row(static_cast<int64_t>(i)),
                                     static_cast<size_t>(logits.dim(1)));
    const int32_t token = prompt[i + 1];
    EXPECT_EQ(told[i].index, static_cast<int64_t>(i + 1));
    EXPECT_EQ(told[i].token, token);
    const DrawnToken wanted = probabilities.of(token, row, 3);
    EXPECT_NEAR(told[i].log_probability, wanted.log_probability, 1e-3) << i;
    ASSERT_EQ(told[i].likeliest.size(), 3U);
    EXPECT_EQ(told[i].likeliest[0].token, wanted.likeliest[0].token) << i;
    EXPECT_EQ(told[i].rank == 1, told[i].likeliest[0].token == token) << i;
    EXPECT_GE(told[i].rank, 1);
  }
}

TEST(PromptProbabilities, AreThoseOfTheLogitsInStepsOfAnySize) {
  const auto model = golden("llama-f32");
  const auto prompt = long_prompt(70);
  for (const int64_t n_batch : {512, 33, 5}) {
    auto engine = Engine::create(model, {.n_batch = n_batch, .n_threads = 1}).value();
    std::vector<Told> told;
    const Outcome outcome = generate(*engine, telling(prompt, told), nullptr).value();
    EXPECT_EQ(outcome.tokens.size(), 2U);
    expect_right(*model, prompt, told);
  }
}

TEST(PromptProbabilities, NothingComesFromTheCacheAndTheAnswerIsTheSame) {
  const auto model = golden("llama-f32");
  const auto prompt = long_prompt(64);
  auto engine = Engine::create(model, {.n_sequences = 2, .n_threads = 1}).value();
  std::vector<Told> told;
  Request plain = telling(prompt, told, 6);
  plain.on_prompt_token = nullptr;
  const Outcome first = generate(*engine, plain, nullptr).value();
  const Outcome cached = generate(*engine, plain, nullptr).value();
  EXPECT_GT(cached.timings.n_cached, 0);
  const Outcome second = generate(*engine, telling(prompt, told, 6), nullptr).value();
  EXPECT_EQ(second.timings.n_cached, 0);
  EXPECT_EQ(second.tokens, first.tokens);
  expect_right(*model, prompt, told);
}

TEST(PromptProbabilities, BesideOtherAnswersNobodysRowsAreMixedUp) {
  const auto model = golden("llama-f32");
  RunnerOptions options{.n_sequences = 4, .n_batch = 24, .n_threads = 1};
  DraftOptions drafts;
  drafts.lookup = true;
  auto engine = Engine::create(model, options, drafts).value();
  std::vector<std::vector<int32_t>> prompts = {long_prompt(40), long_prompt(9), long_prompt(61)};
  prompts[1][3] = 150;
  prompts[2][0] = 17;
  std::vector<std::vector<Told>> told(prompts.size());
  Request other = telling({9, 8, 7, 9, 8, 7, 9, 8, 7}, told[0], 60);
  other.on_prompt_token = nullptr;
  engine->add(other).value();
  for (size_t i = 0; i < prompts.size(); ++i) engine->add(telling(prompts[i], told[i], 8)).value();
  while (engine->step().value()) {
  }
  for (size_t i = 0; i < prompts.size(); ++i) expect_right(*model, prompts[i], told[i]);
}

TEST(PromptProbabilities, OfARecurrentModelToo) {
  const auto model = golden("mamba2");
  const auto prompt = long_prompt(50);
  RunnerOptions options{.n_threads = 1, .snapshot_bytes = 1 << 20};
  auto engine = Engine::create(model, options).value();
  for (int round = 0; round < 2; ++round) {
    std::vector<Told> told;
    generate(*engine, telling(prompt, told), nullptr).value();
    expect_right(*model, prompt, told);
  }
}

TEST(PromptProbabilities, RanksCountWhatIsLikelier) {
  const std::vector<float> logits = {1, 3, 2, 3};
  EXPECT_EQ(TokenProbabilities::rank(1, logits), 1);
  EXPECT_EQ(TokenProbabilities::rank(3, logits), 1);
  EXPECT_EQ(TokenProbabilities::rank(2, logits), 3);
  EXPECT_EQ(TokenProbabilities::rank(0, logits), 4);
}

TEST(StopTokens, EndTheAnswerAndAreNotInIt) {
  auto engine = Engine::create(golden("llama-f32"), {.n_threads = 1}).value();
  Request request;
  request.prompt = {1, 40, 50};
  request.sampling.temperature = 0;
  request.n_predict = 8;
  request.end = EndOfGeneration::never_drawn;
  const Outcome whole = generate(*engine, request, nullptr).value();
  request.stop_tokens = {whole.tokens[3]};
  const Outcome ended = generate(*engine, request, nullptr).value();
  EXPECT_EQ(ended.reason, StopReason::end_of_generation);
  EXPECT_THAT(ended.tokens, testing::Not(testing::Contains(whole.tokens[3])));
  EXPECT_LE(ended.tokens.size(), 3U);

  request.n_least = 6;
  const Outcome longer = generate(*engine, request, nullptr).value();
  EXPECT_GE(longer.tokens.size(), 6U);
  for (size_t i = 0; i < 6; ++i) EXPECT_NE(longer.tokens[i], whole.tokens[3]);

  request.stop_tokens = {1'000'000};
  EXPECT_THAT(engine->add(request).error().text, HasSubstr("stop token 1000000"));
}

}  // namespace
}  // namespace quire
