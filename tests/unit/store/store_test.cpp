#include "store/store.h"

#include "base/file.h"
#include "base/sha256.h"
#include "store/caches.h"
#include "unit/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

TEST(ModelRef, ReadsNamesAndGivesThemBack) {
  const auto parts = [](std::string_view text) {
    const auto ref = parse_model_ref(text);
    if (!ref) return ref.error().text;
    return ref->scheme + " " + ref->host + " " + ref->name_space + " " + ref->model + " " +
           ref->tag + " " + ref->digest + " " + ref->text();
  };
  EXPECT_EQ(parts("llama3.2"), "https registry.ollama.ai library llama3.2 latest  llama3.2:latest");
  EXPECT_EQ(parts("me/story:1b"), "https registry.ollama.ai me story 1b  me/story:1b");
  EXPECT_EQ(parts("hf.co/user/repo:Q4_K_M"),
            "https hf.co user repo Q4_K_M  hf.co/user/repo:Q4_K_M");
  EXPECT_EQ(parts("http://127.0.0.1:5000/me/x"),
            "http 127.0.0.1:5000 me x latest  http://127.0.0.1:5000/me/x:latest");
  const std::string digest = "sha256:" + std::string(64, '0');
  EXPECT_EQ(parts("x@" + digest),
            "https registry.ollama.ai library x latest " + digest + " x:latest@" + digest);
}

TEST(ModelRef, NothingThatLeavesItsFolderIsAName) {
  for (const char* text :
       {"",         "/",     "..", "../x",    "a/../b",  "a/b/../c", "x:..",
        "x:../y",   "x:a/b", ".x", "a/b/c/d", "a b",     "x:",       "x@sha256:../../etc",
        "x@md5:00", "-x",    "é",  "h:x/a/b", "http://", "a/"})
    EXPECT_FALSE(parse_model_ref(text).has_value()) << text;
  EXPECT_FALSE(parse_model_ref(std::string(81, 'x')).has_value());
  EXPECT_FALSE(parse_model_ref(std::string("x\0y", 3)).has_value());
}

TEST(Sha256, OfTheStandard) {
  EXPECT_EQ(sha256_of("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() : store_(folder_.path() + "/models") {}
  Manifest manifest(const std::string& weights) {
    Manifest m;
    m.layers.push_back(*store_.add_blob(std::string(layer_prefix) + "model", weights));
    m.layers.push_back(*store_.add_blob(std::string(layer_prefix) + "template", "shared"));
    return m;
  }
  ModelRef ref(std::string_view text) { return *parse_model_ref(text); }
  TemporaryFolder folder_;
  Store store_;
};

TEST_F(StoreTest, KeepsListsCopiesAndRemoves) {
  ASSERT_TRUE(store_.write(ref("b"), manifest("weights")).has_value());
  ASSERT_TRUE(store_.write(ref("me/a:7b"), manifest("others")).has_value());
  ASSERT_TRUE(store_.copy(ref("b"), ref("c:x")).has_value());
  std::vector<std::string> names;
  for (const StoredModel& model : store_.list()) names.push_back(model.ref.text());
  EXPECT_EQ(names, (std::vector<std::string>{"b:latest", "c:x", "me/a:7b"}));
  EXPECT_EQ(*read_file(*store_.model_path(*store_.find(ref("c:x")))), "weights");

  ASSERT_TRUE(store_.remove(ref("b")).has_value());
  EXPECT_EQ(store_.find(ref("b")).error().fault, Fault::not_found);
  EXPECT_TRUE(store_.model_path(*store_.find(ref("c:x"))).has_value());  // its parts are shared
  ASSERT_TRUE(store_.remove(ref("c:x")).has_value());
  EXPECT_FALSE(store_.has_blob(sha256_of("weights"), 7));
  EXPECT_TRUE(store_.has_blob(sha256_of("shared"), 6));
  EXPECT_EQ(store_.remove(ref("b")).error().fault, Fault::not_found);
}

TEST_F(StoreTest, AFileInPlaceIsUsedAndNeverRemoved) {
  const std::string file = folder_.path() + "/x.gguf";
  ASSERT_TRUE(write_file(file, "weights").has_value());
  Manifest m;
  m.layers.push_back({std::string(layer_prefix) + "model", sha256_of("weights"), 7, file});
  ASSERT_TRUE(store_.write(ref("x"), m).has_value());
  EXPECT_EQ(*store_.model_path(*store_.find(ref("x"))), file);
  ASSERT_TRUE(store_.remove(ref("x")).has_value());
  EXPECT_TRUE(file_exists(file));
}

TEST_F(StoreTest, DamagedManifestsAreErrorsAndNoneOfTheList) {
  ASSERT_TRUE(store_.write(ref("x"), manifest("w")).has_value());
  ASSERT_TRUE(write_file(store_.root() + "/manifests/" + ref("x").path(), "{").has_value());
  EXPECT_EQ(store_.find(ref("x")).error().fault, Fault::bad_format);
  EXPECT_TRUE(store_.list().empty());
}

TEST(Caches, FilesOfOtherProgramsAreFoundWhereTheyAre) {
  const TemporaryFolder folder;
  const std::string root = folder.path();
  const auto put = [&](const std::string& path, const std::string& text) {
    const std::string file = root + "/" + path;
    ASSERT_TRUE(make_directories(file.substr(0, file.rfind('/'))).has_value());
    ASSERT_TRUE(write_file(file, text).has_value());
  };
  put("llama/tiny-Q4_0.gguf", "1");
  put("llama/big-00001-of-00002.gguf", "12");
  put("llama/big-00002-of-00002.gguf", "123");
  put("llama/mmproj-tiny.gguf", "1");
  put("llama/notes.txt", "1");
  put("hub/models--me--repo-GGUF/snapshots/abc/x-IQ2_XS.gguf", "1234");
  put("hub/datasets--me--x/snapshots/abc/x.gguf", "1");
  const Store ollama(root + "/ollama");
  Manifest m;
  m.layers.push_back(*ollama.add_blob(std::string(layer_prefix) + "model", "weights"));
  ASSERT_TRUE(ollama.write(*parse_model_ref("gem:2b"), m).has_value());

  std::vector<std::string> found;
  for (const CachedModel& model : cached_models({root + "/llama", root + "/hub", root + "/ollama"}))
    found.push_back(model.from + " " + model.name + " " + std::to_string(model.size));
  EXPECT_EQ(found, (std::vector<std::string>{"llama.cpp big 5", "Ollama gem:2b 7",
                                             "Hugging Face hf.co/me/repo-GGUF:IQ2_XS 4",
                                             "llama.cpp tiny-Q4_0 1"}));
  EXPECT_TRUE(cached_models({"/nowhere", "/nowhere", "/nowhere"}).empty());
}

TEST(Caches, QuantizationsAreReadOffNames) {
  EXPECT_EQ(quantization_in("a-b.Q4_K_M.gguf"), "Q4_K_M");
  EXPECT_EQ(quantization_in("m-bf16-00001-of-00009.gguf"), "BF16");
  EXPECT_EQ(quantization_in("m-UD-IQ1_S.gguf"), "IQ1_S");
  EXPECT_EQ(quantization_in("mxfp4.gguf"), "MXFP4");
  EXPECT_EQ(quantization_in("qwen-7b.gguf"), "");
}

}  // namespace
}  // namespace quire
