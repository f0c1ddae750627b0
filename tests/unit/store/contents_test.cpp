#include "store/contents.h"

#include "base/file.h"
#include "store/blob_writer.h"
#include "store/create.h"
#include "unit/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

class ContentsTest : public testing::Test {
 protected:
  ContentsTest() : store_(folder_.path() + "/models") {
    options_.folder = folder_.path();
    options_.find = [](const std::string& name) -> Result<ModelContents> {
      return fail(Fault::not_found, "no {}", name);
    };
    EXPECT_TRUE(write_file(folder_.path() + "/w.gguf", "GGUF weights").has_value());
  }
  Result<StoredModel> create(const std::string& name, const std::string& modelfile) {
    return create_model(store_, TRY(parse_model_ref(name)),
                        TRY(parse_modelfile(modelfile, "Modelfile")), options_);
  }
  std::string put_blob(const std::string& bytes) {
    const std::string digest = sha256_of(bytes);
    auto writer = BlobWriter::open(store_, digest);
    EXPECT_TRUE(writer.has_value() && writer->write(bytes).has_value() &&
                writer->finish().has_value());
    return digest;
  }

  TemporaryFolder folder_;
  Store store_;
  CreateOptions options_;
};

constexpr const char* all =
    "FROM ./w.gguf\nTEMPLATE \"\"\"{{ .Prompt }}\nx\"\"\"\nSYSTEM Be brief.\n"
    "PARAMETER temperature 0.25\nPARAMETER stop \"<end>\"\nPARAMETER stop b\n"
    "MESSAGE user \"\"\"Hi\nyou\"\"\"\nMESSAGE assistant Yes?\nLICENSE free\n";

TEST_F(ContentsTest, EverythingThatAModelfileSaysIsThere) {
  const auto model = create("story", all);
  ASSERT_TRUE(model.has_value()) << model.error().text;
  const auto contents = read_contents(store_, *model);
  ASSERT_TRUE(contents.has_value()) << contents.error().text;
  EXPECT_EQ(contents->weights, folder_.path() + "/w.gguf");
  EXPECT_EQ(contents->chat_template, "{{ .Prompt }}\nx");
  EXPECT_EQ(contents->system, "Be brief.");
  EXPECT_EQ(contents->parameters, R"({"temperature":0.25,"stop":["<end>","b"]})");
  ASSERT_EQ(contents->messages.size(), 2u);
  EXPECT_EQ(contents->messages[0].second, "Hi\nyou");
  EXPECT_EQ(contents->licenses, std::vector<std::string>{"free"});
  EXPECT_FALSE(contents->is_plain());
}

TEST_F(ContentsTest, AModelfileOfTheContentsMakesTheSameModel) {
  const auto model = create("story", all);
  ASSERT_TRUE(model.has_value());
  const std::string text = modelfile_text(*read_contents(store_, *model));
  const auto again = create("again", text);
  ASSERT_TRUE(again.has_value()) << again.error().text << "\n" << text;
  EXPECT_EQ(modelfile_text(*read_contents(store_, *again)), text);
  EXPECT_EQ(again->digest(), model->digest());
}

TEST_F(ContentsTest, AModelOfAnotherHasItsPartsUnlessItSaysOthers) {
  ASSERT_TRUE(create("story", all).has_value());
  const auto model = create("loud", "FROM story\nSYSTEM SHOUT\nMESSAGE user a\n");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  const auto contents = read_contents(store_, *model);
  EXPECT_EQ(contents->system, "SHOUT");
  EXPECT_EQ(contents->chat_template, "{{ .Prompt }}\nx");
  EXPECT_EQ(contents->messages.size(), 1u);
}

TEST_F(ContentsTest, BlobsAreWeightsWhereFilesAreRefused) {
  options_.files = CreateOptions::Files::refused;
  EXPECT_EQ(create("a", "FROM ./w.gguf").error().fault, Fault::usage);
  EXPECT_EQ(create("a", "FROM /etc/passwd").error().fault, Fault::usage);
  EXPECT_EQ(create("a", "FROM w.gguf").error().fault, Fault::usage);
  const std::string digest = put_blob("GGUF blob"), second = put_blob("GGUF second");
  const auto model = create("a", "FROM @" + digest);
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(*store_.model_path(*model)), "GGUF blob");
  EXPECT_EQ(create("a", "FROM @" + digest + "\nADAPTER ./w.gguf").error().fault, Fault::usage);
  EXPECT_EQ(create("a", "FROM @sha256:../../x").error().fault, Fault::usage);
  EXPECT_EQ(create("a", "FROM @" + sha256_of("none")).error().fault, Fault::not_found);
  EXPECT_EQ(create("a", "FROM @" + put_blob("text")).error().fault, Fault::bad_format);
  options_.weight_files = {{"1.gguf", digest}, {"2.gguf", second}};
  const auto split = create("b", "FROM ignored");
  ASSERT_TRUE(split.has_value()) << split.error().text;
  EXPECT_EQ(*read_file(files_of_model(*store_.model_path(*split))[1]), "GGUF second");
}

TEST_F(ContentsTest, ABlobWithAnotherSumIsNotKept) {
  const std::string digest = sha256_of("right");
  auto writer = BlobWriter::open(store_, digest);
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE(writer->write("wrong").has_value());
  EXPECT_EQ(writer->finish().error().fault, Fault::bad_format);
  EXPECT_FALSE(file_exists(store_.blob_path(digest)));
  for (const char* text : {"", "x", "sha256:", "sha256:../../../etc/passwd", "sha512:aa"})
    EXPECT_EQ(BlobWriter::open(store_, text).error().fault, Fault::usage) << text;
}

TEST_F(ContentsTest, ModelsOfTheStoreComeBeforeThoseOfCaches) {
  const CacheFolders caches = {folder_.path() + "/llama", folder_.path() + "/hub",
                               folder_.path() + "/ollama"};
  const auto found = [&](const char* name) -> std::string {
    const auto model = find_stored(store_, caches, name);
    return model ? *read_file(model->contents.weights) : model.error().text;
  };
  EXPECT_EQ(found("story"), "there is no model 'story'");
  ASSERT_TRUE(make_directories(caches.llama_cpp).has_value());
  ASSERT_TRUE(write_file(caches.llama_cpp + "/story.gguf", "GGUF cached").has_value());
  EXPECT_EQ(found("story"), "GGUF cached");
  const Store ollama(caches.ollama);
  Manifest manifest;
  manifest.layers.push_back(*ollama.add_blob(std::string(layer_prefix) + "model", "GGUF ollama"));
  ASSERT_TRUE(ollama.write(*parse_model_ref("story"), manifest).has_value());
  EXPECT_EQ(found("story:latest"), "GGUF ollama");
  ASSERT_TRUE(create("story", "FROM ./w.gguf").has_value());
  EXPECT_EQ(found("story"), "GGUF weights");
}

TEST_F(ContentsTest, PartsThatAreNotWhatTheySayAreErrors) {
  for (const auto& [kind, text] :
       {std::pair("params", "[1]"), std::pair("params", R"({"a":{"b":1}})"),
        std::pair("messages", "{}"), std::pair("messages", R"([{"role":"user"}])")}) {
    Manifest manifest;
    manifest.layers.push_back(*store_.add_blob(std::string(layer_prefix) + "model", "GGUF"));
    manifest.layers.push_back(*store_.add_blob(std::string(layer_prefix) + kind, text));
    ASSERT_TRUE(store_.write(*parse_model_ref("x"), manifest).has_value());
    const auto contents = read_contents(store_, *store_.find(*parse_model_ref("x")));
    EXPECT_EQ(contents.error().fault, Fault::bad_format) << kind << " " << text;
  }
}

TEST_F(ContentsTest, WhatKilledProcessesLeftIsNoModelAndIsSweptAway) {
  ASSERT_TRUE(create("story", all).has_value());
  const std::string manifests = store_.root() + "/manifests/registry.ollama.ai/library/story/";
  const std::string whole = *read_file(manifests + "latest");
  // No process has this number: it is beyond the largest there can be.
  const std::string left = manifests + "latest.tmp-4194999-0",
                    half = store_.root() + "/blobs/sha256-ab.tmp-4194999-3";
  ASSERT_TRUE(write_file(left, whole).has_value());
  ASSERT_TRUE(write_file(half, "half").has_value());
  for (const std::string& file : {left, half})
    std::filesystem::last_write_time(
        file, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_EQ(store_.list().size(), 1u);
  ASSERT_TRUE(create("other", "FROM story").has_value());
  EXPECT_FALSE(file_exists(left));
  EXPECT_FALSE(file_exists(half));
  EXPECT_EQ(store_.list().size(), 2u);
}

}  // namespace
}  // namespace quire
