// What a request may ask for besides text: constraints, probabilities, a context that is shifted.
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

Request request(std::vector<int32_t> prompt, int64_t n_predict) {
  Request request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 0;
  request.n_predict = n_predict;
  request.end = EndOfGeneration::never_drawn;
  return request;
}

// Only the given tokens, in this order.
class Script : public TokenConstraint {
 public:
  explicit Script(std::vector<int32_t> tokens) : tokens_(std::move(tokens)) {}
  Result<TokenSet> allowed() override {
    words_.assign(8, 0);
    if (next_ < tokens_.size() && tokens_[next_] >= 0)
      words_[static_cast<size_t>(tokens_[next_] / 64)] = uint64_t{1} << (tokens_[next_] % 64);
    return TokenSet(words_);
  }
  Result<void> accept(int32_t token) override {
    EXPECT_EQ(token, tokens_[next_]);
    ++next_;
    return {};
  }
  bool finished() const override { return next_ == tokens_.size(); }

 private:
  std::vector<int32_t> tokens_;
  std::vector<uint64_t> words_;
  size_t next_ = 0;
};

TEST(Request, AConstraintDecidesAndEndsTheAnswer) {
  for (const bool lookup : {false, true}) {
    DraftOptions drafts;
    drafts.lookup = lookup;
    auto engine = Engine::create(golden("llama-f32"), {.n_threads = 1}, drafts).value();
    Request constrained = request({1, 40, 50}, -1);
    const std::vector<int32_t> script = {77, 5, 200, 77, 5, 200, 77, 5, 200, 77, 5, 200, 77, 9};
    constrained.constraint = std::make_shared<Script>(script);
    const Outcome outcome = generate(*engine, constrained, nullptr).value();
    EXPECT_EQ(outcome.tokens, script);
    EXPECT_EQ(outcome.reason, StopReason::end_of_generation);
  }
}

TEST(Request, AConstraintThatLeavesNothingIsAnError) {
  auto engine = Engine::create(golden("llama-f32"), {.n_threads = 1}).value();
  Request constrained = request({1, 40, 50}, -1);
  constrained.constraint = std::make_shared<Script>(std::vector<int32_t>{77, -1});
  const auto outcome = generate(*engine, constrained, nullptr);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().fault, Fault::unsupported);
}

TEST(Request, ProbabilitiesAreThoseOfTheModel) {
  const auto model = golden("llama-f32");
  auto engine = Engine::create(model, {.n_threads = 1}).value();
  Request asked = request({1, 40, 50}, 3);
  asked.n_probabilities = 5;
  std::vector<DrawnToken> drawn;
  std::vector<std::vector<TokenProbability>> likeliest;
  asked.on_token = [&](const DrawnToken& token) {
    drawn.push_back(token);
    likeliest.emplace_back(token.likeliest.begin(), token.likeliest.end());
  };
  const Outcome outcome = generate(*engine, asked, nullptr).value();
  ASSERT_EQ(drawn.size(), 3u);
  auto runner = Runner::create(model, {.n_threads = 1}).value();
  const auto logits = runner->run(std::vector<int32_t>{1, 40, 50}).value();
  double total = 0;
  for (int64_t i = 0; i < logits.dim(1); ++i) total += std::exp(static_cast<double>(logits(0, i)));
  EXPECT_EQ(drawn[0].token, outcome.tokens[0]);
  EXPECT_NEAR(drawn[0].log_probability,
              static_cast<double>(logits(0, outcome.tokens[0])) - std::log(total), 1e-5);
  ASSERT_EQ(likeliest[0].size(), 5u);
  EXPECT_EQ(likeliest[0][0].token, outcome.tokens[0]);
  for (size_t i = 1; i < 5; ++i)
    EXPECT_LE(likeliest[0][i].log_probability, likeliest[0][i - 1].log_probability);
}

// After a shift the model sees the tokens that were kept and no others.
TEST(Request, AContextShiftGivesWhatTheShorterTextGives) {
  const auto model = golden("llama-f32");
  const RunnerOptions options{.n_ctx = 32, .n_threads = 1};
  Request shifting = request({1, 40, 50, 60}, 40);
  shifting.shift = {.wanted = true, .n_keep = 2};
  const auto shifted = generate(*Engine::create(model, options).value(), shifting, nullptr).value();
  EXPECT_EQ(shifted.tokens.size(), 40u);
  EXPECT_EQ(shifted.n_discarded, 15);
  // The text when it was full, without what was dropped: (33 - 2) / 2 tokens behind the first two.
  std::vector<int32_t> text = {1, 40, 50, 60};
  text.insert(text.end(), shifted.tokens.begin(), shifted.tokens.begin() + 29);
  text.erase(text.begin() + 2, text.begin() + 17);
  const auto fresh =
      generate(*Engine::create(model, options).value(), request(text, 11), nullptr).value();
  EXPECT_EQ(std::vector<int32_t>(shifted.tokens.begin() + 29, shifted.tokens.end()), fresh.tokens);
}

}  // namespace
}  // namespace quire
