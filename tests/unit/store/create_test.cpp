// Models whose weights or adapters are made into GGUF files of the store.
#include "store/create.h"

#include "base/file.h"
#include "base/sha256.h"
#include "unit/base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Conversions that write down what they were asked for.
class CreateTest : public testing::Test {
 protected:
  CreateTest() : store_(folder_ / "models") {
    options_.folder = folder_.path();
    options_.find = [](const std::string& name) -> Result<ModelContents> {
      return fail(Fault::not_found, "no {}", name);
    };
    options_.make.weights =
        [this](const std::string& from, const std::string& to, const std::string& type,
               const GgufMakers::OnDone& on_done) -> Result<std::vector<std::string>> {
      made_from_ = from;
      if (!on_done(1, 2)) return fail(Fault::cancelled, "stopped");
      std::string text = "GGUF " + type;
      if (is_directory(from))
        text += " " + TRY(read_file(from + "/config.json"));
      else
        text += " of " + TRY(read_file(from));
      TRY(write_file(to, text));
      return std::vector<std::string>{"a note"};
    };
    options_.make.adapter = [](const std::string& from, const std::string& to,
                               const std::string& weights) -> Result<void> {
      return write_file(to, "GGUF adapter " + TRY(read_file(from + "/adapter_config.json")) +
                                " for " + TRY(read_file(weights)));
    };
    options_.on_status = [this](std::string_view status, std::string_view, uint64_t, uint64_t) {
      said_.emplace_back(status);
    };
    put("w.gguf", "GGUF weights");
    put("folder/config.json", "{}");
  }
  void put(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    EXPECT_TRUE(make_directories(path.substr(0, path.rfind('/'))).has_value());
    EXPECT_TRUE(write_file(path, text).has_value());
  }
  std::string blob(const std::string& bytes) { return store_.add_blob("", bytes).value().digest; }
  Result<StoredModel> create(const std::string& name, const std::string& modelfile) {
    return create_model(store_, TRY(parse_model_ref(name)),
                        TRY(parse_modelfile(modelfile, "Modelfile")), options_);
  }
  std::string weights(const StoredModel& model) { return *read_file(*store_.model_path(model)); }
  // Of the store's blobs, those that are none.
  size_t n_temporary() {
    size_t n = 0;
    for (const auto& entry : fs::directory_iterator(store_.root() + "/blobs"))
      n += entry.path().filename().string().find(".tmp-") != std::string::npos ? 1 : 0;
    return n;
  }

  TemporaryFolder folder_;
  Store store_;
  CreateOptions options_;
  std::string made_from_;
  std::vector<std::string> said_;
};

TEST_F(CreateTest, AFolderBecomesAFileOfTheStore) {
  const auto model = create("a", "FROM ./folder");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(weights(*model), "GGUF  {}");
  EXPECT_TRUE(made_from_.ends_with("/folder")) << made_from_;
  EXPECT_TRUE(model->manifest.layers[0].path.empty());
  EXPECT_THAT(said_, testing::IsSupersetOf({"converting model", "note: a note",
                                            "gathering model components", "writing manifest"}));
  EXPECT_EQ(n_temporary(), 0u);
}

TEST_F(CreateTest, AnotherTypeIsAnotherFileAndTheRestStays) {
  options_.quantize = "q4_0";
  const auto model = create("a", "FROM ./w.gguf\nSYSTEM x");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(weights(*model), "GGUF q4_0 of GGUF weights");
  // Of a model of the store, too.
  options_.quantize = "q8_0";
  const auto again = create("b", "FROM a");
  ASSERT_TRUE(again.has_value()) << again.error().text;
  EXPECT_EQ(weights(*again), "GGUF q8_0 of GGUF q4_0 of GGUF weights");
  EXPECT_EQ(read_contents(store_, *again)->system, "x");
  EXPECT_THAT(said_, testing::Contains("quantizing model to q8_0"));
  EXPECT_EQ(n_temporary(), 0u);
  // The name alone goes when another model has the parts.
  ASSERT_TRUE(store_.remove(again->ref).has_value());
  EXPECT_EQ(weights(*store_.find(model->ref)), "GGUF q4_0 of GGUF weights");
}

TEST_F(CreateTest, WhatIsStoppedLeavesNothing) {
  const std::atomic<bool> cancelled = true;
  options_.cancelled = &cancelled;
  options_.quantize = "q4_0";
  EXPECT_EQ(create("a", "FROM ./w.gguf").error().fault, Fault::cancelled);
  EXPECT_TRUE(store_.list().empty());
  EXPECT_EQ(n_temporary(), 0u);
}

TEST_F(CreateTest, BlobsAreAFolderUnderTheirNames) {
  options_.files = CreateOptions::Files::refused;
  options_.weight_files = {{"config.json", blob("{sent}")}, {"model.safetensors", blob("x")}};
  const auto model = create("mine", "FROM ignored");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(weights(*model), "GGUF  {sent}");
  EXPECT_TRUE(made_from_.ends_with("/mine")) << made_from_;  // the model's name
  EXPECT_EQ(n_temporary(), 0u);
  // Its errors do not speak of a folder that the client never saw.
  options_.weight_files = {{"model.safetensors", blob("x")}};
  const auto lacking = create("mine", "FROM ignored");
  EXPECT_THAT(lacking.error().text, testing::StartsWith("config.json: "));
}

TEST_F(CreateTest, NamesOfFilesStayInTheirFolder) {
  options_.files = CreateOptions::Files::refused;
  for (const char* name :
       {"../x", "/etc/x", "a/../../x", ".", "..", "", "a//b", "a/b/c/d", ".hidden", "a/", "a\nb"}) {
    options_.weight_files = {{"model.safetensors", blob("x")}, {name, blob("y")}};
    EXPECT_EQ(create("a", "FROM ignored").error().fault, Fault::usage) << name;
  }
  options_.weight_files = {{"model.safetensors", sha256_of("never sent")}};
  EXPECT_EQ(create("a", "FROM ignored").error().fault, Fault::not_found);
  EXPECT_EQ(n_temporary(), 0u);
}

TEST_F(CreateTest, AnAdapterThatIsAFolderBecomesAFileOfItsModel) {
  put("lora/adapter_config.json", "{lora}");
  const auto model = create("a", "FROM ./w.gguf\nADAPTER ./lora");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  const auto contents = read_contents(store_, *model);
  ASSERT_EQ(contents->adapters.size(), 1u);
  EXPECT_EQ(*read_file(contents->adapters[0]), "GGUF adapter {lora} for GGUF weights");
  EXPECT_EQ(model->manifest.layers[1].media_type, std::string(layer_prefix) + "adapter");
  // As blobs; the same bytes are the same blob.
  options_.adapter_files = {{"adapter_config.json", blob("{lora}")},
                            {"adapter_model.safetensors", blob("x")}};
  const auto sent = create("b", "FROM ./w.gguf");
  ASSERT_TRUE(sent.has_value()) << sent.error().text;
  EXPECT_EQ(sent->manifest.layers[1].digest, model->manifest.layers[1].digest);
  EXPECT_EQ(create("c", "FROM ./w.gguf\nADAPTER ./none").error().fault, Fault::not_found);

  ASSERT_TRUE(store_.remove(model->ref).has_value());
  EXPECT_TRUE(file_exists(contents->adapters[0]));
  ASSERT_TRUE(store_.remove(sent->ref).has_value());
  EXPECT_FALSE(file_exists(contents->adapters[0]));
}

TEST_F(CreateTest, BlobsThatNoModelHasHadForAWeekAreSweptAway) {
  const auto age = [&](const std::string& digest, int days) {
    fs::last_write_time(store_.blob_path(digest),
                        fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
    return digest;
  };
  const std::string old = age(blob("old"), 8), young = age(blob("young"), 6),
                    used = age(blob("GGUF used"), 8);
  ASSERT_TRUE(create("a", "FROM @" + used).has_value());
  EXPECT_FALSE(file_exists(store_.blob_path(old)));
  EXPECT_TRUE(file_exists(store_.blob_path(young)));
  age(used, 8);
  // A manifest that cannot be read may have any of them.
  const std::string other = age(blob("other"), 8);
  put("models/manifests/registry.ollama.ai/library/broken/latest", "{");
  ASSERT_TRUE(create("b", "FROM @" + used).has_value());
  EXPECT_TRUE(file_exists(store_.blob_path(other)));
  ASSERT_TRUE(store_.remove(*parse_model_ref("a")).has_value());
  ASSERT_TRUE(store_.remove(*parse_model_ref("b")).has_value());
  EXPECT_TRUE(file_exists(store_.blob_path(used)));
}

}  // namespace
}  // namespace quire
