// Every Hugging Face folder under tests/golden/hf against the logits transformers got from it
// (tools/make_hf_goldens.py). The tree is listed, so a new family brings its folder and no code.
#include "engine/runner.h"
#include "format/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace quire {
namespace {

// As in conformance_test.cpp: sums in another order move a log-probability by about 1e-5, a wrong
// term moves it by more than 1e-2.
constexpr double tolerance = 1e-4;

std::string folder() { return QUIRE_SOURCE_DIR "/tests/golden/hf/"; }

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    if (std::filesystem::exists(entry.path() / "golden.json"))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

nlohmann::json golden_of(const std::string& name) {
  auto json = read_json(folder() + name + "/golden.json");
  if (!json) throw std::runtime_error(json.error().text);
  return *std::move(json);
}

std::shared_ptr<const Model> load(const std::string& name) {
  auto model = Model::load(folder() + name);
  if (!model) throw std::runtime_error(model.error().text);
  return *model;
}

std::vector<double> log_softmax(std::vector<double> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double x : logits) sum += std::exp(x - top);
  for (double& x : logits) x -= top + std::log(sum);
  return logits;
}

class HfFolder : public testing::TestWithParam<std::string> {};

TEST_P(HfFolder, LogProbabilitiesAreThoseOfTransformers) {
  const nlohmann::json golden = golden_of(GetParam());
  const auto tokens = golden["tokens"].get<std::vector<int32_t>>();
  RunnerOptions options;
  options.n_ctx = static_cast<int64_t>(tokens.size());
  auto runner = Runner::create(load(GetParam()), options);
  ASSERT_TRUE(runner) << runner.error().text;
  const auto logits = (*runner)->run(tokens, Want::all);
  ASSERT_TRUE(logits) << logits.error().text;
  const auto positions = golden["positions"].get<std::vector<int64_t>>();
  for (size_t i = 0; i < positions.size(); ++i) {
    const float* row = logits->data() + positions[i] * logits->dim(1);
    const auto ours = log_softmax({row, row + logits->dim(1)});
    const auto theirs = log_softmax(golden["logits"][i].get<std::vector<double>>());
    ASSERT_EQ(ours.size(), theirs.size());
    double largest = 0;
    for (size_t id = 0; id < ours.size(); ++id) {
      const double difference = std::fabs(ours[id] - theirs[id]);
      if (!(difference <= largest)) largest = difference;  // not-a-number is the largest of all
    }
    EXPECT_LT(largest, tolerance) << "position " << positions[i];
  }
}

TEST_P(HfFolder, TheIdsOfATextAreThoseOfTransformers) {
  const nlohmann::json golden = golden_of(GetParam());
  const auto model = load(GetParam());
  if (!golden.contains("text")) {
    const auto ids = model->tokenizer().encode("text");
    ASSERT_FALSE(ids) << "the folder has no tokenizer, so a text has no ids";
    EXPECT_EQ(ids.error().fault, Fault::unsupported);
    return;
  }
  const auto ids = model->tokenizer().encode(golden["text"].get<std::string>());
  ASSERT_TRUE(ids) << ids.error().text;
  EXPECT_EQ(*ids, golden["ids"].get<std::vector<int32_t>>());
}

INSTANTIATE_TEST_SUITE_P(Golden, HfFolder, testing::ValuesIn(golden_names()),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::replace(out.begin(), out.end(), '-', '_');
                           return out;
                         });

}  // namespace
}  // namespace quire
