// Positions stretched on request against transformers with the same rotary embedding
// (tools/make_rope_goldens.py).
#include "engine/runner.h"
#include "format/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace quire {
namespace {

std::string golden_folder() { return QUIRE_SOURCE_DIR "/tests/golden/"; }

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder() + "rope"))
    names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

RopeOverride override_of(const nlohmann::json& flags) {
  RopeOverride rope;
  for (const auto& [name, value] : flags.items()) {
    if (name == "rope-scaling")
      rope.scaling = value == "none"     ? RopeScaling::none
                     : value == "linear" ? RopeScaling::linear
                                         : RopeScaling::yarn;
    else if (name == "rope-scale")
      rope.factor = value;
    else if (name == "rope-freq-scale")
      rope.factor = 1 / value.get<float>();
    else if (name == "rope-freq-base")
      rope.freq_base = value;
    else if (name == "yarn-orig-ctx")
      rope.yarn_n_ctx_orig = value;
    else if (name == "yarn-ext-factor")
      rope.yarn_ext_factor = value;
    else if (name == "yarn-attn-factor")
      rope.yarn_attn_factor = value;
    else if (name == "yarn-beta-fast")
      rope.yarn_beta_fast = value;
    else if (name == "yarn-beta-slow")
      rope.yarn_beta_slow = value;
    else
      ADD_FAILURE() << "no flag " << name;
  }
  return rope;
}

std::vector<double> log_softmax(std::vector<double> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double x : logits) sum += std::exp(x - top);
  for (double& x : logits) x -= top + std::log(sum);
  return logits;
}

class RopeOverrideGolden : public testing::TestWithParam<std::string> {};

TEST_P(RopeOverrideGolden, LogProbabilitiesAreThoseOfTransformers) {
  const nlohmann::json golden = read_json(golden_folder() + "rope/" + GetParam() + ".json").value();
  const auto tokens = golden["tokens"].get<std::vector<int32_t>>();
  const auto model = Model::load(golden_folder() + golden["base"].get<std::string>(),
                                 override_of(golden["flags"]));
  ASSERT_TRUE(model) << model.error().text;
  RunnerOptions options;
  options.n_ctx = static_cast<int64_t>(tokens.size());
  options.n_threads = 2;
  auto runner = Runner::create(*model, options);
  ASSERT_TRUE(runner) << runner.error().text;
  const auto logits = (*runner)->run(tokens, Want::all).value();
  for (size_t i = 0; i < golden["positions"].size(); ++i) {
    const float* row = logits.row(golden["positions"][i].get<int64_t>());
    const auto ours = log_softmax({row, row + logits.dim(1)});
    const auto theirs = log_softmax(golden["logits"][i].get<std::vector<double>>());
    double largest = 0;
    for (size_t id = 0; id < ours.size(); ++id)
      if (const double d = std::fabs(ours[id] - theirs[id]); !(d <= largest)) largest = d;
    // Other frequencies move a log-probability by more than 1e-2.
    EXPECT_LT(largest, 2e-4) << "position " << golden["positions"][i];
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, RopeOverrideGolden, testing::ValuesIn(golden_names()),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::replace(out.begin(), out.end(), '-', '_');
                           return out;
                         });

}  // namespace
}  // namespace quire
