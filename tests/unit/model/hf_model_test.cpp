// Hugging Face folders that are damaged, hostile or of a kind that is not known: one clear error
// each. The sound folder is a golden of tools/make_hf_goldens.py.
#include "model/hf_model.h"

#include "../base/temporary_folder.h"
#include "base/file.h"
#include "format/json.h"
#include "model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>

namespace quire {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string golden(const std::string& name) { return QUIRE_SOURCE_DIR "/tests/golden/hf/" + name; }

// A copy of a golden folder that a test may damage.
class HfModelErrors : public testing::Test {
 protected:
  void copy(const std::string& name) {
    std::filesystem::copy(golden(name), path(), std::filesystem::copy_options::recursive);
  }
  std::string path(const std::string& file = "") const {
    return folder_.path() + "/model" + (file.empty() ? "" : "/" + file);
  }
  void set(const std::string& field, const json& value) {
    auto config = read_json(path("config.json"));
    ASSERT_TRUE(config);
    (*config)[field] = value;
    ASSERT_TRUE(write_file(path("config.json"), config->dump()));
  }
  // Rewrites the header of model.safetensors, its length unchanged.
  void replace_in_weights(const std::string& from, const std::string& to) {
    ASSERT_EQ(from.size(), to.size());
    auto bytes = read_file(path("model.safetensors"));
    ASSERT_TRUE(bytes);
    const size_t at = bytes->find(from);
    ASSERT_NE(at, bytes->npos);
    bytes->replace(at, from.size(), to);
    ASSERT_TRUE(write_file(path("model.safetensors"), *bytes));
  }
  Error load_error() {
    auto model = Model::load(path());
    EXPECT_FALSE(model);
    return model ? Error{Fault::usage, ""} : model.error();
  }

  TemporaryFolder folder_;
};

TEST_F(HfModelErrors, AFolderWithoutConfigSaysWhatAModelIs) {
  copy("llama-bf16");
  std::filesystem::remove(path("config.json"));
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::not_found);
  EXPECT_THAT(error.text, HasSubstr("no config.json"));
}

TEST_F(HfModelErrors, AnUnknownModelTypeIsNamedWithThoseThatAreKnown) {
  copy("llama-bf16");
  set("model_type", "perceiver");
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::unsupported);
  EXPECT_THAT(error.text, HasSubstr("'perceiver'"));
  EXPECT_THAT(error.text, HasSubstr("llama, mistral"));
}

TEST_F(HfModelErrors, AMissingShardIsNamed) {
  copy("llama-sharded-f32");
  std::filesystem::remove(path("model-00002-of-00004.safetensors"));
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::not_found);
  EXPECT_THAT(error.text, HasSubstr("model-00002-of-00004.safetensors"));
}

TEST_F(HfModelErrors, AMissingTensorIsNamedAsTheModelKnowsIt) {
  copy("llama-bf16");
  set("num_hidden_layers", 3);
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::bad_format);
  EXPECT_THAT(error.text, HasSubstr("'blk.2."));
}

TEST_F(HfModelErrors, ALayerBeyondThoseOfTheConfigIsRefused) {
  copy("llama-bf16");
  set("num_hidden_layers", 1);
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::bad_format);
  EXPECT_THAT(error.text, HasSubstr("of layer 1"));
}

TEST_F(HfModelErrors, ATensorThatNobodyKnowsIsRefusedByName) {
  copy("llama-bf16");
  replace_in_weights("layers.0.mlp.up_proj", "layers.0.mlp.xx_proj");
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::unsupported);
  EXPECT_THAT(error.text, HasSubstr("'model.layers.0.mlp.xx_proj.weight'"));
}

TEST_F(HfModelErrors, AWrongShapeIsStatedBesideTheRightOne) {
  copy("llama-bf16");
  set("intermediate_size", 50);
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::bad_format);
  EXPECT_THAT(error.text, HasSubstr("(48, 32)"));
  EXPECT_THAT(error.text, HasSubstr("(50, 32)"));
}

TEST_F(HfModelErrors, WholeNumbersAreNoWeights) {
  copy("llama-bf16");
  replace_in_weights("\"BF16\"", "\"I16\" ");
  const Error error = load_error();
  EXPECT_EQ(error.fault, Fault::unsupported);
  EXPECT_THAT(error.text, HasSubstr("I16"));
}

TEST_F(HfModelErrors, EightBitWeightsWithoutScalesAreRefused) {
  copy("llama-f8");
  replace_in_weights("q_proj.weight_scale_inv", "q_proj.weight_scale_xxx");
  const Error error = load_error();
  EXPECT_NE(error.text.find("weight_scale"), std::string::npos) << error.text;
}

TEST_F(HfModelErrors, ABlockSizeThatDoesNotFitTheScalesIsRefused) {
  copy("llama-f8");
  set("quantization_config", {{"weight_block_size", {16, 16}}});
  EXPECT_EQ(load_error().fault, Fault::bad_format);
  set("quantization_config", {{"weight_block_size", {0, -1}}});
  EXPECT_THAT(load_error().text, HasSubstr("between 1 and 65536"));
}

TEST_F(HfModelErrors, HostileNumbersInTheConfigAreOneErrorEach) {
  copy("llama-bf16");
  const json hostile[] = {
      -1, 0, 1e300, 1.5, "many", json::array(), int64_t{1} << 62, -(int64_t{1} << 62)};
  for (const char* field : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                            "num_key_value_heads", "head_dim", "intermediate_size"})
    for (const json& value : hostile) {
      const json before = read_json(path("config.json")).value()[field];
      set(field, value);
      auto model = Model::load(path());
      ASSERT_FALSE(model) << field << " = " << value.dump();
      EXPECT_FALSE(model.error().text.empty());
      set(field, before);
    }
  ASSERT_TRUE(Model::load(path())) << "the folder is sound again";
}

TEST_F(HfModelErrors, AConfigNestedTooDeeplyIsRefused) {
  copy("llama-bf16");
  ASSERT_TRUE(write_file(path("config.json"), std::string(100'000, '[')));
  EXPECT_EQ(load_error().fault, Fault::bad_format);
}

TEST(HfModel, WeightsThatNeedNoChangeStayInTheMappedFile) {
  auto model = HfModel::open(golden("llama-bf16"));
  ASSERT_TRUE(model) << model.error().text;
  for (const HfTensor& tensor : model->tensors) {
    const bool turned = tensor.name.ends_with("attn_q.weight") ||
                        tensor.name.ends_with("attn_k.weight") || tensor.rows.shape.rank == 1;
    EXPECT_EQ(tensor.rows.mapped == nullptr, turned) << tensor.name;
  }
}

TEST(HfModel, EndsOfTextComeFromTheFilesBesideTheTokenizer) {
  auto model = Model::load(golden("llama-bf16"));
  ASSERT_TRUE(model) << model.error().text;
  const Tokenizer& tokenizer = (*model)->tokenizer();
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_THAT(tokenizer.end_of_generation(), testing::ElementsAre(2, 3));  // </s> and <|end|>
  EXPECT_THAT(tokenizer.chat_template(), HasSubstr("for m in messages"));
}

}  // namespace
}  // namespace quire
