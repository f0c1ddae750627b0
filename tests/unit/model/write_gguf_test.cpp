// Models written as GGUF: folders become files that are the same model, files get other types.
#include "model/write_gguf.h"

#include "../base/temporary_folder.h"
#include "base/file.h"
#include "format/gguf_write.h"
#include "model/model.h"
#include "quant/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace quire {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string golden(const std::string& name) { return QUIRE_SOURCE_DIR "/tests/golden/" + name; }

class WriteGguf : public testing::Test {
 protected:
  Result<WrittenGguf> write(const std::string& from, const std::string& type = "") {
    WriteGgufOptions options;
    if (!type.empty()) options.mix = type_mix(type).value();
    ThreadPool pool(2);
    return write_gguf(from, path_, options, pool, [](uint64_t, uint64_t) { return true; });
  }
  std::shared_ptr<const Model> written(const std::string& from, const std::string& type = "") {
    const auto result = write(from, type);
    EXPECT_TRUE(result) << (result ? "" : result.error().text);
    return load(path_);
  }
  static std::shared_ptr<const Model> load(const std::string& path) {
    auto model = Model::load(path);
    EXPECT_TRUE(model) << (model ? "" : model.error().text);
    return model.value_or(nullptr);
  }
  static void expect_same_bytes(const GgufFile& ours, const GgufFile& theirs) {
    for (const GgufTensor& tensor : theirs.tensors()) {
      const GgufTensor* mine = ours.find(tensor.name);
      ASSERT_NE(mine, nullptr) << tensor.name;
      ASSERT_EQ(mine->view.dtype, tensor.view.dtype) << tensor.name;
      ASSERT_EQ(mine->view.shape, tensor.view.shape) << tensor.name;
      EXPECT_EQ(std::memcmp(mine->view.data, tensor.view.data,
                            static_cast<size_t>(tensor.view.n_bytes())),
                0)
          << tensor.name;
    }
    EXPECT_EQ(ours.tensors().size(), theirs.tensors().size());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/written.gguf";
};

class WriteGgufFolders : public WriteGguf, public testing::WithParamInterface<std::string> {};

TEST_P(WriteGgufFolders, AFolderBecomesTheSameModel) {
  const std::string folder = golden("hf/" + GetParam());
  const auto before = load(folder), after = written(folder);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(before->arch().name, after->arch().name);
  expect_same_bytes(*after->file(), *before->file());
  EXPECT_EQ(print(after->graph()), print(before->graph()));
  // Ids are filled up to the rows of the embedding.
  const bool named = !before->tokenizer().chat_template().empty();
  EXPECT_EQ(after->tokenizer().n_vocab(),
            named ? before->hparams().n_vocab : before->tokenizer().n_vocab());
  EXPECT_EQ(after->tokenizer().chat_template(), before->tokenizer().chat_template());
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden("hf")))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Golden, WriteGgufFolders, testing::ValuesIn(folders()),
                         [](const testing::TestParamInfo<std::string>& name) {
                           std::string out = name.param;
                           std::ranges::replace(out, '-', '_');
                           return out;
                         });

// tests/golden/model has the same weights in several types, written by gguf-py.
TEST_F(WriteGguf, OtherTypesAreThoseOfTheReference) {
  for (const char* type : {"f16", "bf16", "q8_0", "q4_0"}) {
    const auto theirs = load(golden(std::string("model/llama-") + type + ".gguf"));
    const auto ours = written(golden("model/llama-f32.gguf"), type);
    ASSERT_TRUE(ours && theirs);
    if (std::string_view(type) == "q4_0") {  // where the output is kept wider
      EXPECT_EQ(ours->file()->find("blk.0.attn_q.weight")->view.dtype, DType::q4_0);
      EXPECT_EQ(ours->file()->find("output.weight")->view.dtype, DType::q8_0);
      continue;
    }
    expect_same_bytes(*ours->file(), *theirs->file());
  }
}

TEST_F(WriteGguf, MetadataIsKeptButForTheTypes) {
  const auto before = load(golden("model/gemma2-window.gguf"));
  const auto after = written(golden("model/gemma2-window.gguf"), "f16");
  ASSERT_TRUE(before && after);
  for (const GgufEntry& entry : before->file()->entries()) {
    if (entry.key == "general.file_type") continue;
    const GgufValue* value = after->file()->value(entry.key);
    ASSERT_NE(value, nullptr) << entry.key;
    EXPECT_EQ(value->text(1000), entry.value.text(1000)) << entry.key;
  }
  EXPECT_EQ(after->file()->get_int("general.file_type").value(), 1);
}

TEST_F(WriteGguf, VectorsNormsAndRoutersStayF32) {
  const auto model = written(golden("hf/qwen3-moe-f8"), "bf16");
  ASSERT_TRUE(model);
  for (const GgufTensor& tensor : model->file()->tensors()) {
    const bool small =
        tensor.view.shape.rank == 1 || tensor.name.find("ffn_gate_inp") != tensor.name.npos;
    EXPECT_EQ(tensor.view.dtype, small ? DType::f32 : DType::bf16) << tensor.name;
  }
}

TEST_F(WriteGguf, WhatHasFewerBitsAlreadyStaysAsItIs) {
  const auto model = written(golden("hf/gpt-oss-mxfp4"), "q8_0");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->file()->find("blk.0.ffn_up_exps.weight")->view.dtype, DType::mxfp4);
  EXPECT_EQ(model->file()->find("blk.0.attn_q.weight")->view.dtype, DType::q8_0);
}

TEST_F(WriteGguf, QuantizingTwiceIsNoted) {
  const auto result = write(golden("model/llama-q8_0.gguf"), "q4_0");
  ASSERT_TRUE(result);
  EXPECT_THAT(result->notes, Contains(HasSubstr("quantized before")));
}

TEST_F(WriteGguf, ShardsBecomeOneFile) {
  const auto result = write(golden("format/split-00001-of-00003.gguf"));
  ASSERT_TRUE(result) << result.error().text;
  const auto before = GgufFile::open(golden("format/split-00001-of-00003.gguf"));
  const auto after = GgufFile::open(path_);
  ASSERT_TRUE(before && after);
  expect_same_bytes(*after, *before);
  EXPECT_FALSE(after->has("split.count"));
}

TEST_F(WriteGguf, AnArchitectureThatDoesNotRunHereGetsOtherTypesToo) {
  GgufWriter writer;
  writer.add_string("general.architecture", "from-the-future");
  const std::vector<float> numbers(64 * 64, 0.5f);
  Tensor matrix(DType::f32, {64, 64});
  std::memcpy(matrix.data(), numbers.data(), numbers.size() * sizeof(float));
  writer.add_tensor("blk.0.new_part.weight", matrix.view());
  const std::string source = folder_.path() + "/source.gguf";
  ASSERT_TRUE(writer.write(source));
  const auto result = write(source, "q8_0");
  ASSERT_TRUE(result) << result.error().text;
  EXPECT_EQ(result->n_tensors.at("Q8_0"), 1);
}

TEST_F(WriteGguf, ADamagedFolderLeavesNoFile) {
  const std::string folder = folder_.path() + "/model";
  std::filesystem::copy(golden("hf/llama-bf16"), folder, std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(folder + "/model.safetensors", 1000);
  const auto result = write(folder);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault, Fault::bad_format);
  EXPECT_FALSE(file_exists(path_));
}

TEST_F(WriteGguf, StretchingByLengthIsLeftOutAndSaid) {
  const auto result = write(golden("model/qwen2-rope-dynamic.gguf"));
  ASSERT_TRUE(result);
  EXPECT_THAT(result->notes, Contains(HasSubstr("dynamic")));
  const auto after = GgufFile::open(path_);
  EXPECT_FALSE(after->has("qwen2.rope.scaling.type"));
}

}  // namespace
}  // namespace quire
