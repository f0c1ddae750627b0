// Loss and gradients of whole models against PyTorch (tools/make_gradient_goldens.py), in f64.
#include "device/executor.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "graph/autodiff.h"
#include "train/config.h"
#include "train/trainer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>

namespace quire {
namespace {

std::vector<int32_t> integers(const SafetensorsFile& file, const char* name) {
  const SafetensorsTensor* tensor = file.find(name);
  EXPECT_NE(tensor, nullptr);
  std::vector<int32_t> values(tensor->bytes.size() / 4);
  std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  return values;
}

ModelShape shape_of(const std::string& text) {
  const nlohmann::json json = parse_json(text, "shape").value();
  return {json["arch"], json["n_layer"], json["n_embd"], json["n_head"],    json["n_head_kv"],
          json["n_ff"], json["n_ctx"],   json["tied"],   json["rope_theta"]};
}

class TorchGradients : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchGradients, AreThoseOfTheGraph) {
  const std::string path = std::string(QUIRE_SOURCE_DIR) + "/tests/golden/train/gradients-" +
                           GetParam() + ".safetensors";
  const SafetensorsFile file = SafetensorsFile::open(path).value();
  const ModelShape shape = shape_of(file.metadata().at("shape"));
  const Hparams hparams = make_hparams(shape, std::stoll(file.metadata().at("n_vocab"))).value();
  const Graph graph = differentiate(training_graph(hparams).value()).value();
  ParameterSet parameters(graph);
  for (const ParameterSlot& slot : parameters.slots()) {
    const TensorView golden = file.tensor(slot.name).value();
    ASSERT_EQ(golden.shape, slot.shape) << slot.name;
    std::memcpy(parameters.weights() + slot.offset, golden.data,
                static_cast<size_t>(golden.n_bytes()));
  }
  const std::vector<int32_t> tokens = integers(file, "tokens"), targets = integers(file, "targets");
  std::vector<int32_t> positions;
  std::vector<SequenceRows> sequences;
  const auto n_rows = static_cast<int64_t>(tokens.size());
  for (int64_t row = 0; row < n_rows; ++row) {
    positions.push_back(static_cast<int32_t>(row % shape.n_ctx));
    if (row % shape.n_ctx == 0) sequences.push_back({row, shape.n_ctx, 0, {}});
  }
  ThreadPool pool(2);
  Executor executor =
      Executor::create(graph, parameters.weight_views(), pool, {n_rows, n_rows}).value();
  executor.set_gradients(parameters.gradient_pointers(graph));
  executor.run({tokens, positions, {}, targets, sequences});

  double loss = 0, n_counted = 0;
  const View<float, 2> losses = executor.value(graph.loss);
  for (int64_t row = 0; row < n_rows; ++row) {
    loss += static_cast<double>(losses(row, 0));
    n_counted += targets[static_cast<size_t>(row)] >= 0;
  }
  EXPECT_NEAR(loss / n_counted, std::stod(file.metadata().at("loss")), 1e-5);
  for (const ParameterSlot& slot : parameters.slots()) {
    const TensorView golden = file.tensor("grad:" + slot.name).value();
    double largest = 0;
    for (int64_t i = 0; i < slot.n; ++i)
      largest = std::max(largest, std::abs(static_cast<double>(golden.f32()[i])));
    ASSERT_GT(largest, 1e-4) << slot.name;
    // Sums of some hundred f32 products, through two layers: 2e-5 of the largest element.
    for (int64_t i = 0; i < slot.n; ++i)
      ASSERT_NEAR(parameters.gradients()[slot.offset + i], golden.f32()[i], 2e-5 * largest)
          << slot.name << "[" << i << "]";
  }
}

INSTANTIATE_TEST_SUITE_P(Models, TorchGradients, ::testing::Values("llama", "llama-tied", "gpt2"),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace quire
