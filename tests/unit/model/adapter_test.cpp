// Adapters that cannot be used: what is wrong with them is said in one line.
#include "model/adapter.h"

#include "base/file.h"
#include "format/gguf_write.h"
#include "format/safetensors.h"
#include "model/model.h"
#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace quire {
namespace {

using testing::HasSubstr;

// D 32, F 48, V 96, H 4, G 2, E 8, two layers.
std::shared_ptr<const Model> llama() {
  return Model::load(QUIRE_SOURCE_DIR "/tests/golden/hf/llama-bf16").value();
}

class BadAdapter : public testing::Test {
 protected:
  Tensor matrix(const Shape& shape) { return kept_.emplace_back(DType::f32, shape); }

  static GgufWriter lora(const char* arch = "llama") {
    GgufWriter file;
    file.add_string("general.architecture", arch);
    file.add_string("general.type", "adapter");
    file.add_string("adapter.type", "lora");
    file.add_f32("adapter.lora.alpha", 8);
    return file;
  }
  std::string error_of(const GgufWriter& file) {
    const std::string path = folder_ / "a.gguf";
    EXPECT_TRUE(file.write(path));
    return text_of(load_lora({path, 1}, *model_));
  }
  std::string pair_error(const std::string& target, const Shape& a, const Shape& b) {
    GgufWriter file = lora();
    file.add_tensor(target + ".lora_a", matrix(a).view());
    file.add_tensor(target + ".lora_b", matrix(b).view());
    return error_of(file);
  }
  std::string text_of(const Result<Adapter>& adapter) {
    if (adapter) return "no error";
    fault_ = adapter.error().fault;
    return adapter.error().text;
  }

  std::string peft_error(const nlohmann::json& more, const std::string& tensor_a,
                         const std::string& tensor_b = "") {
    nlohmann::json config = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}};
    if (!more.is_null()) config.update(more);
    const std::string path = folder_ / "peft";
    EXPECT_TRUE(make_directories(path));
    EXPECT_TRUE(write_file(path + "/adapter_config.json", config.dump()));
    std::vector<NamedTensor> tensors = {{tensor_a, matrix({2, 32}).view()}};
    if (!tensor_b.empty()) tensors.push_back({tensor_b, matrix({32, 2}).view()});
    EXPECT_TRUE(write_safetensors(path + "/adapter_model.safetensors", tensors));
    return text_of(load_lora({path, 1}, *model_));
  }

  TemporaryFolder folder_;
  std::shared_ptr<const Model> model_ = llama();
  std::vector<Tensor> kept_;
  Fault fault_ = Fault::usage;
};

TEST_F(BadAdapter, OfAnotherArchitecture) {
  EXPECT_THAT(error_of(lora("qwen2")), HasSubstr("the adapter is for 'qwen2' models"));
  EXPECT_EQ(fault_, Fault::bad_format);
}

TEST_F(BadAdapter, ThatIsAModel) {
  GgufWriter file;
  file.add_string("general.architecture", "llama");
  EXPECT_THAT(error_of(file), HasSubstr("this is a model, no adapter"));
}

TEST_F(BadAdapter, OfAKindThatIsNotKnown) {
  GgufWriter file;
  file.add_string("general.architecture", "llama");
  file.add_string("general.type", "adapter");
  file.add_string("adapter.type", "ia3");
  EXPECT_THAT(error_of(file), HasSubstr("adapters of type 'ia3' are not known"));
  EXPECT_EQ(fault_, Fault::unsupported);
}

TEST_F(BadAdapter, WithShapesOfAnotherModel) {
  EXPECT_EQ(pair_error("blk.0.attn_q.weight", {4, 32}, {32, 4}), "no error");
  EXPECT_THAT(pair_error("blk.0.attn_q.weight", {4, 64}, {32, 4}),
              HasSubstr("'blk.0.attn_q.weight.lora_a' has the shape (4, 64), but "
                        "'blk.0.attn_q.weight' of"));
  EXPECT_THAT(pair_error("blk.0.attn_q.weight", {4, 64}, {32, 4}),
              HasSubstr("takes 32 numbers, not 64: the adapter is of another model"));
  EXPECT_THAT(pair_error("blk.0.attn_q.weight", {4, 32}, {64, 4}),
              HasSubstr("makes 32 numbers, not 64"));
  EXPECT_THAT(pair_error("blk.0.attn_q.weight", {4, 32}, {32, 3}),
              HasSubstr("their ranks 4 and 3 must agree"));
  EXPECT_THAT(pair_error("blk.0.attn_q.weight", {2, 4, 32}, {32, 4}),
              HasSubstr("both need 2 dimensions"));
  EXPECT_EQ(pair_error("token_embd.weight", {96, 4}, {32, 4}), "no error");
  EXPECT_THAT(pair_error("token_embd.weight", {4, 96}, {32, 4}), HasSubstr("their ranks 96 and 4"));
  EXPECT_EQ(fault_, Fault::bad_format);
}

TEST_F(BadAdapter, OfATensorThatCannotBeAdapted) {
  EXPECT_THAT(pair_error("blk.7.attn_q.weight", {4, 32}, {32, 4}),
              HasSubstr("the model has no tensor 'blk.7.attn_q.weight'"));
  EXPECT_EQ(fault_, Fault::bad_format);
  EXPECT_THAT(pair_error("output_norm.weight", {4, 32}, {32, 4}),
              HasSubstr("'output_norm.weight' is no matrix"));
  EXPECT_EQ(fault_, Fault::unsupported);
}

TEST_F(BadAdapter, WithHalfAPairOrSomethingElse) {
  GgufWriter half = lora();
  half.add_tensor("blk.0.attn_q.weight.lora_a", matrix({4, 32}).view());
  EXPECT_THAT(error_of(half), HasSubstr("'blk.0.attn_q.weight.lora_a' has no 'lora_b' beside it"));
  GgufWriter other = lora();
  other.add_tensor("blk.0.attn_norm.weight", matrix({32}).view());
  EXPECT_THAT(error_of(other), HasSubstr("'blk.0.attn_norm.weight' is neither a lora_a nor"));
  EXPECT_THAT(error_of(lora()), HasSubstr("there is no pair of lora_a and lora_b in it"));
}

TEST_F(BadAdapter, ThatIsNotThere) {
  EXPECT_THAT(text_of(load_lora({folder_ / "none.gguf", 1}, *model_)), HasSubstr("none.gguf"));
  EXPECT_EQ(fault_, Fault::not_found);
  EXPECT_THAT(text_of(load_lora({folder_.path(), 1}, *model_)),
              HasSubstr("this folder has no adapter_config.json"));
  EXPECT_EQ(fault_, Fault::not_found);
}

constexpr const char* q_a = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
constexpr const char* q_b = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";

TEST_F(BadAdapter, OfPeftWithMoreThanTwoMatrices) {
  EXPECT_EQ(peft_error({}, q_a, q_b), "no error");
  EXPECT_THAT(peft_error({{"modules_to_save", {"lm_head"}}}, q_a, q_b),
              HasSubstr("modules_to_save is set, and only plain LoRA is supported"));
  EXPECT_THAT(peft_error({{"use_dora", true}}, q_a, q_b), HasSubstr("use_dora is set"));
  EXPECT_THAT(peft_error({{"bias", "all"}}, q_a, q_b), HasSubstr("bias is 'all'"));
  EXPECT_THAT(peft_error({{"init_lora_weights", "pissa"}}, q_a, q_b),
              HasSubstr("init_lora_weights is 'pissa'"));
  EXPECT_EQ(fault_, Fault::unsupported);
  EXPECT_EQ(peft_error({{"modules_to_save", nullptr}, {"use_dora", false}}, q_a, q_b), "no error");
  EXPECT_THAT(peft_error({{"peft_type", "IA3"}}, q_a, q_b),
              HasSubstr("adapters of type 'IA3' are not known"));
}

TEST_F(BadAdapter, OfPeftWithNamesAndRanksThatDoNotFit) {
  EXPECT_THAT(peft_error({{"r", 3}}, q_a, q_b), HasSubstr("r is 3, but the matrices of"));
  EXPECT_EQ(peft_error({{"r", 3}, {"rank_pattern", {{"q_proj", 2}}}}, q_a, q_b), "no error");
  EXPECT_THAT(peft_error({{"alpha_pattern", {{".*_proj", 2}}}}, q_a, q_b),
              HasSubstr("'.*_proj' is a regular expression"));
  EXPECT_THAT(peft_error({}, q_a), HasSubstr("has no lora_B beside it"));
  EXPECT_THAT(peft_error({}, "q_proj.lora_A.weight"), HasSubstr("does not begin with"));
  EXPECT_THAT(peft_error({}, "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude"),
              HasSubstr("no part of a plain LoRA"));
}

TEST_F(BadAdapter, ControlVectorsOfAnotherModel) {
  const auto error = [&](const std::string& name, const Shape& shape) {
    GgufWriter file;
    file.add_string("general.architecture", "controlvector");
    file.add_tensor(name, matrix(shape).view());
    const std::string path = folder_ / "v.gguf";
    EXPECT_TRUE(file.write(path));
    return text_of(load_control_vector({path, 1}, *model_));
  };
  EXPECT_EQ(error("direction.1", {32}), "no error");
  EXPECT_THAT(error("direction.1", {64}), HasSubstr("has the shape (64)"));
  EXPECT_THAT(error("direction.0", {32}), HasSubstr("is of layer 0"));
  EXPECT_THAT(error("direction.2", {32}), HasSubstr("is of layer 2"));
  EXPECT_THAT(error("direction.x", {32}), HasSubstr("is no direction.N"));
  EXPECT_THAT(error("output.weight", {32}), HasSubstr("is no direction.N"));
}

}  // namespace
}  // namespace quire
