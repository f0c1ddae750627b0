// Every encoder under tests/golden/encoder against the numbers a reference implementation got from
// it (tools/make_encoder_goldens.py), and what becomes of its rows.
#include "base/isa.h"
#include "engine/embedder.h"
#include "format/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace quire {
namespace {

using ::testing::HasSubstr;

// Values of size 1 after a norm; sums in another order move them by some 1e-6, a wrong term by more
// than 1e-2.
constexpr double tolerance = 1e-4;

std::string folder() { return QUIRE_SOURCE_DIR "/tests/golden/encoder/"; }

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

struct GoldenText {
  std::vector<int32_t> tokens, types;
  std::vector<std::vector<double>> hidden;
  std::vector<double> scores;
};

std::shared_ptr<const Model> load(const std::string& name) {
  auto model = Model::load(folder() + name + ".gguf");
  if (!model) throw std::runtime_error(model.error().text);
  return *model;
}

std::vector<GoldenText> golden_texts(const std::string& name) {
  const auto json = read_json(folder() + name + ".json");
  if (!json) throw std::runtime_error(json.error().text);
  std::vector<GoldenText> texts;
  for (const auto& entry : (*json)["texts"]) {
    GoldenText text;
    entry["tokens"].get_to(text.tokens);
    entry["hidden"].get_to(text.hidden);
    if (entry.contains("types")) entry["types"].get_to(text.types);
    if (entry.contains("scores")) entry["scores"].get_to(text.scores);
    texts.push_back(std::move(text));
  }
  return texts;
}

std::unique_ptr<Runner> make_runner(std::shared_ptr<const Model> model, RunResult result,
                                    int n_threads = 2) {
  RunnerOptions options;
  options.n_threads = n_threads;
  options.n_sequences = 3;
  options.result = result;
  auto runner = Runner::create(std::move(model), options);
  if (!runner) throw std::runtime_error(runner.error().text);
  return *std::move(runner);
}

std::vector<Isa> usable_isas() {
  std::vector<Isa> isas;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    if (isa <= isa_detected()) isas.push_back(isa);
  return isas;
}

class Encoder : public testing::TestWithParam<std::string> {
 protected:
  void TearDown() override { limit_isa(Isa::avx512); }
  const std::shared_ptr<const Model> model_ = load(GetParam());
  const std::vector<GoldenText> texts_ = golden_texts(GetParam());

  // All texts in one step.
  std::vector<float> run(Runner& runner, Want want) const {
    std::vector<RunRows> rows;
    for (size_t i = 0; i < texts_.size(); ++i) {
      runner.truncate(static_cast<int32_t>(i), 0);
      rows.push_back({static_cast<int32_t>(i), texts_[i].tokens, want, texts_[i].types});
    }
    const auto values = runner.run(rows);
    if (!values) throw std::runtime_error(values.error().text);
    return {values->data(), values->data() + values->n_elements()};
  }
};

TEST_P(Encoder, RowsAreThoseOfTheReference) {
  for (const Isa isa : usable_isas()) {
    limit_isa(isa);
    const std::vector<float> ours = run(*make_runner(model_, RunResult::hidden), Want::all);
    size_t at = 0;
    double largest = 0;
    for (const GoldenText& text : texts_)
      for (const std::vector<double>& row : text.hidden)
        for (const double x : row)
          largest = std::max(largest, std::fabs(x - static_cast<double>(ours.at(at++))));
    EXPECT_EQ(at, ours.size());
    EXPECT_LT(largest, tolerance) << isa_name(isa);
  }
}

TEST_P(Encoder, ScoresAreThoseOfTheReference) {
  if (texts_[0].scores.empty()) {
    const auto runner = Runner::create(model_, {.n_threads = 1, .result = RunResult::scores});
    ASSERT_FALSE(runner.has_value());
    EXPECT_EQ(runner.error().fault, Fault::unsupported);
    return;
  }
  const std::vector<float> ours = run(*make_runner(model_, RunResult::scores), Want::first);
  size_t at = 0;
  for (const GoldenText& text : texts_)
    for (const double score : text.scores)
      EXPECT_NEAR(score, static_cast<double>(ours.at(at++)), tolerance);
  EXPECT_EQ(at, ours.size());
}

TEST_P(Encoder, TheNumberOfThreadsDoesNotChangeABit) {
  const auto alone = run(*make_runner(model_, RunResult::hidden, 1), Want::all);
  EXPECT_EQ(run(*make_runner(model_, RunResult::hidden, 3), Want::all), alone);
}

TEST_P(Encoder, MakesNoNextTokens) {
  const auto runner = Runner::create(model_, {.n_threads = 1});
  ASSERT_FALSE(runner.has_value());
  EXPECT_EQ(runner.error().fault, Fault::unsupported);
  EXPECT_THAT(runner.error().text, HasSubstr("makes vectors of texts, not next tokens"));
}

INSTANTIATE_TEST_SUITE_P(Golden, Encoder, testing::ValuesIn(golden_names()),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::replace(out.begin(), out.end(), '-', '_');
                           return out;
                         });

std::vector<std::vector<float>> embed(const std::string& path, Pooling pooling,
                                      const std::vector<GoldenText>& texts,
                                      Normalize normalize = Normalize::no) {
  auto model = Model::load(path);
  if (!model) throw std::runtime_error(model.error().text);
  EmbedderOptions options;
  options.pooling = pooling;
  options.normalize = normalize;
  options.n_threads = 1;
  options.precision = Precision::exact;
  const auto embedder = Embedder::create(*model, options);
  if (!embedder) throw std::runtime_error(embedder.error().text);
  std::vector<EmbedText> rows;
  for (const GoldenText& text : texts) rows.push_back({text.tokens, text.types});
  return *(*embedder)->embed(rows);
}

TEST(Embedder, PoolsTheRowsOfEachText) {
  const std::string path = folder() + "bert.gguf";
  const std::vector<GoldenText> texts = golden_texts("bert");
  const auto mean = embed(path, Pooling::unspecified, texts);  // the file asks for the mean
  const auto first = embed(path, Pooling::cls, texts), last = embed(path, Pooling::last, texts);
  ASSERT_EQ(mean.size(), texts.size());
  for (size_t t = 0; t < texts.size(); ++t) {
    const auto& rows = texts[t].hidden;
    for (size_t i = 0; i < rows[0].size(); ++i) {
      double sum = 0;
      for (const auto& row : rows) sum += row[i];
      EXPECT_NEAR(static_cast<double>(mean[t][i]), sum / static_cast<double>(rows.size()),
                  tolerance);
      EXPECT_NEAR(static_cast<double>(first[t][i]), rows.front()[i], tolerance);
      EXPECT_NEAR(static_cast<double>(last[t][i]), rows.back()[i], tolerance);
    }
  }
}

TEST(Embedder, MakesVectorsOfLengthOne) {
  for (const auto& vector : embed(folder() + "bert.gguf", Pooling::mean, golden_texts("bert"),
                                  Normalize::to_length_one)) {
    double sum = 0;
    for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Embedder, TakesTheLastTokenOfAGeneratingModel) {
  const std::string path = QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf";
  const GoldenText whole{{1, 20, 30, 40}, {}, {}, {}}, other{{1, 20, 30, 41}, {}, {}, {}};
  const auto vectors = embed(path, Pooling::unspecified, {whole, other});
  ASSERT_EQ(vectors.size(), 2u);
  EXPECT_EQ(vectors[0].size(), 32u);
  EXPECT_NE(vectors[0], vectors[1]);
  // Its head makes the logits of them.
  auto model = *Model::load(path);
  const auto params = model->graph().all(Role::parameter);
  const auto at = std::ranges::find(params, model->graph().find("output.weight")) - params.begin();
  const float* head = model->params()[static_cast<size_t>(at)].f32();
  auto runner = *Runner::create(model, {.n_threads = 1});
  const auto logits = *runner->run(whole.tokens);
  for (int64_t v = 0; v < logits.dim(1); ++v) {
    double sum = 0;
    for (size_t i = 0; i < 32; ++i)
      sum += static_cast<double>(head[v * 32 + static_cast<int64_t>(i)]) *
             static_cast<double>(vectors[0][i]);
    ASSERT_NEAR(sum, static_cast<double>(logits(0, v)), 1e-4);
  }
}

TEST(Embedder, SaysWhatIsWrongWithATextOrAPooling) {
  const auto model = load("bert");
  const auto rank = Embedder::create(model, {.pooling = Pooling::rank});
  ASSERT_FALSE(rank.has_value());
  EXPECT_THAT(rank.error().text, HasSubstr("has no classification head"));
  const auto embedder = *Embedder::create(model, {.n_tokens_max = 4, .n_threads = 1});
  const std::vector<int32_t> five(5, 7);
  const EmbedText texts[] = {{std::span(five).first(2)}, {five}, {std::span(five).first(0)}};
  const auto long_one = embedder->embed(std::span(texts).first(2));
  ASSERT_FALSE(long_one.has_value());
  EXPECT_EQ(long_one.error().fault, Fault::limit);
  EXPECT_THAT(long_one.error().text, HasSubstr("text 1 has 5 tokens, at most 4 fit"));
  EXPECT_FALSE(embedder->embed(std::span(texts).last(1)).has_value());
}

}  // namespace
}  // namespace quire
