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

class HfFolder : public testing::TestWithParam<std::string> {
 protected:
  const nlohmann::json golden_ = golden_of(GetParam());
  const std::vector<int32_t> tokens_ = golden_["tokens"].get<std::vector<int32_t>>();

  using Rows = std::vector<std::vector<double>>;
  Rows run(RunResult result, Want want) const {
    RunnerOptions options;
    options.n_ctx = static_cast<int64_t>(tokens_.size());
    options.result = result;
    auto runner = Runner::create(load(GetParam()), options);
    if (!runner) throw std::runtime_error(runner.error().text);
    const auto values = (*runner)->run(tokens_, want);
    if (!values) throw std::runtime_error(values.error().text);
    Rows rows;
    for (int64_t r = 0; r < values->dim(0); ++r) {
      const float* row = values->data() + r * values->dim(1);
      rows.emplace_back(row, row + values->dim(1));
    }
    return rows;
  }
  static double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    EXPECT_EQ(a.size(), b.size());
    double largest = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      const double difference = std::fabs(a[i] - b[i]);
      if (!(difference <= largest)) largest = difference;  // not-a-number is the largest of all
    }
    return largest;
  }
};

TEST_P(HfFolder, NumbersAreThoseOfTransformers) {
  const bool encoder = golden_.contains("hidden");
  const Rows ours = run(encoder ? RunResult::hidden : RunResult::logits, Want::all);
  const auto positions = golden_["positions"].get<std::vector<int64_t>>();
  for (size_t i = 0; i < positions.size(); ++i) {
    auto mine = ours[static_cast<size_t>(positions[i])];
    auto theirs = golden_[encoder ? "hidden" : "logits"][i].get<std::vector<double>>();
    if (!encoder) mine = log_softmax(mine), theirs = log_softmax(theirs);
    EXPECT_LT(largest_difference(mine, theirs), tolerance) << "position " << positions[i];
  }
}

TEST_P(HfFolder, ScoresAreThoseOfTransformers) {
  if (!golden_.contains("scores")) return;
  const Rows ours = run(RunResult::scores, Want::first);
  EXPECT_LT(largest_difference(ours[0], golden_["scores"].get<std::vector<double>>()), tolerance);
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
