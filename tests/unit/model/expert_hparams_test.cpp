// Numbers of mixtures of experts, compressed attention and state spaces in files that are wrong:
// one error each, with the key, the value and the limit.
#include "format/gguf.h"
#include "model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace quire {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A golden with one 32-bit number of its metadata changed.
std::string changed(const std::string& golden, const std::string& key, uint32_t value) {
  std::ifstream in(QUIRE_SOURCE_DIR "/tests/golden/model/" + golden + ".gguf", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const size_t at = bytes.find(key);
  if (at == std::string::npos) throw std::runtime_error("no key " + key);
  // The key is followed by the type of its value, then the value.
  for (size_t i = 0; i < 4; ++i)
    bytes[at + key.size() + 4 + i] = static_cast<char>(value >> (8 * i) & 255);
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = testing::TempDir() + "/" + test->name() + ".gguf";
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string error_of(const std::string& golden, const std::string& key, uint32_t value) {
  const std::string path = changed(golden, key, value);
  const auto model = Model::load(path);
  std::filesystem::remove(path);
  if (model.has_value()) return "no error";
  EXPECT_TRUE(model.error().fault == Fault::bad_format ||
              model.error().fault == Fault::unsupported);
  return model.error().text;
}

TEST(ExpertHparams, AFileAsItIsLoads) {
  EXPECT_EQ(error_of("deepseek2-v3", "deepseek2.expert_used_count", 3), "no error");
}

TEST(ExpertHparams, CountsOutOfRangeAreNamed) {
  EXPECT_THAT(error_of("mixtral", "llama.expert_count", 4000000000u),
              AllOf(HasSubstr("llama.expert_count is 4000000000"), HasSubstr("0 and 1024")));
  EXPECT_THAT(error_of("mixtral", "llama.expert_used_count", 5),
              AllOf(HasSubstr("llama.expert_used_count is 5"), HasSubstr("1 and 4")));
  EXPECT_THAT(error_of("mixtral", "llama.expert_used_count", 0), HasSubstr("is 0"));
  EXPECT_THAT(error_of("qwen3moe", "qwen3moe.expert_count", 9),
              HasSubstr("but the hyper-parameters ask for (9, "));
  EXPECT_THAT(error_of("qwen2moe", "qwen2moe.expert_shared_feed_forward_length", 0),
              HasSubstr("_shexp.weight' has the shape (20, 24)"));
}

TEST(ExpertHparams, GroupsThatCannotGiveTheExpertsAreRefused) {
  EXPECT_THAT(error_of("deepseek2-v3", "deepseek2.expert_group_count", 3),
              HasSubstr("8 experts in 3 groups"));
  EXPECT_THAT(error_of("deepseek2-v3", "deepseek2.expert_group_used_count", 9),
              HasSubstr("expert_group_used_count is 9"));
  EXPECT_THAT(error_of("deepseek2-v3", "deepseek2.expert_gating_func", 7),
              HasSubstr("deepseek2.expert_gating_func is 7"));
}

TEST(ExpertHparams, CompressedWidthsThatDoNotFitAreRefused) {
  EXPECT_THAT(error_of("deepseek2-v3-split", "deepseek2.attention.key_length_mla", 8),
              HasSubstr("keys of width 8, of which 8 rotate"));
  EXPECT_THAT(error_of("deepseek2-v3", "deepseek2.attention.kv_lora_rank", 0),
              HasSubstr("kv_lora_rank is 0"));
  EXPECT_THAT(error_of("deepseek2-v3", "deepseek2.attention.kv_lora_rank", 20),
              HasSubstr("attn_kv_a_mqa.weight"));
}

TEST(ExpertHparams, StateSpacesThatCannotBeCutAreRefused) {
  EXPECT_THAT(error_of("mamba2", "mamba2.ssm.conv_kernel", 17),
              AllOf(HasSubstr("mamba2.ssm.conv_kernel is 17"), HasSubstr("1 and 16")));
  EXPECT_THAT(error_of("mamba2", "mamba2.ssm.time_step_rank", 5),
              HasSubstr("a width of 48 cannot be cut into 5 heads in 2 groups"));
  EXPECT_THAT(error_of("mamba2", "mamba2.ssm.state_size", 4294967295u), HasSubstr("state_size is"));
}

}  // namespace
}  // namespace quire
