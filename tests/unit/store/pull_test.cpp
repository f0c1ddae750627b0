#include "store/push.h"

#include "base/file.h"
#include "base/sha256.h"
#include "store/contents.h"
#include "unit/base/temporary_folder.h"
#include "unit/store/test_server.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quire {
namespace {

std::string bytes_of(size_t n) {
  std::string bytes(n, 0);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
  return bytes;
}

class PullTest : public testing::Test {
 protected:
  PullTest() : store_(folder_.path() + "/models") {
    options_.allow_http = true;
    options_.hugging_face = "http://" + server_.host();
    options_.download.part_bytes = 1000;
  }
  StoreLayer layer(const char* kind, const std::string& bytes) const {
    return {std::string(layer_prefix) + kind, sha256_of(bytes), bytes.size(), ""};
  }
  // Puts the model me/story:latest into the registry.
  void publish(const std::string& weights) {
    const std::string config = "{}", text = "{{ .Prompt }}";
    Manifest manifest;
    manifest.config = {"application/vnd.docker.container.image.v1+json", sha256_of(config), 2, ""};
    manifest.layers = {layer("model", weights), layer("template", text)};
    server_.put("/v2/me/story/manifests/latest", manifest_text(manifest));
    for (const std::string& blob : {config, text, weights})
      server_.put("/v2/me/story/blobs/" + sha256_of(blob), blob);
  }
  Result<StoredModel> pull(const std::string& name) {
    return pull_model(store_, *parse_model_ref(name), options_);
  }
  std::string name() const { return "http://" + server_.host() + "/me/story"; }
  std::string blob(const std::string& bytes) { return store_.blob_path(sha256_of(bytes)); }

  TemporaryFolder folder_;
  TestServer server_;
  Store store_;
  PullOptions options_;
};

TEST_F(PullTest, AModelOfARegistryComesInPartsAndIsWhole) {
  const std::string weights = bytes_of(10'500);
  publish(weights);
  uint64_t seen = 0;
  options_.on_status = [&](std::string_view, std::string_view, uint64_t n, uint64_t) {
    seen = std::max(seen, n);
  };
  const auto model = pull(name());
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(*store_.model_path(*model)), weights);
  EXPECT_EQ(seen, weights.size());
  EXPECT_EQ(store_.list().size(), 1u);
  size_t n_ranges = 0;
  for (const auto& request : server_.requests()) n_ranges += request.has_range ? 1 : 0;
  EXPECT_GE(n_ranges, 11u);
  const size_t n_before = server_.requests().size();
  EXPECT_TRUE(pull(name()).has_value());
  EXPECT_EQ(server_.requests().size(), n_before + 1);  // the manifest: the rest is there
}

TEST_F(PullTest, WhatWasInterruptedGoesOnWhereItStopped) {
  const std::string weights = bytes_of(5'000);
  publish(weights);
  auto& file = server_.at("/v2/me/story/blobs/" + sha256_of(weights));
  file.cut_after = 0;
  options_.download.n_tries = 1;
  options_.download.n_parallel = 1;
  file.status = 500;
  EXPECT_EQ(pull(name()).error().fault, Fault::io);
  EXPECT_TRUE(store_.list().empty());
  EXPECT_FALSE(file_exists(blob(weights)));
  // 2,300 bytes are there already.
  ASSERT_TRUE(write_file(blob(weights) + "-partial", weights.substr(0, 2300)).has_value());
  ASSERT_TRUE(write_file(blob(weights) + "-partial.json", "[1000,1000,300,0,0]").has_value());
  file.status = 200;
  file.cut_after = SIZE_MAX;
  const size_t n_before = server_.requests().size();
  const auto model = pull(name());
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(blob(weights)), weights);
  const auto requests = server_.requests();
  size_t least = SIZE_MAX;
  for (size_t i = n_before; i < requests.size(); ++i)
    if (requests[i].path.ends_with(sha256_of(weights))) least = std::min(least, requests[i].begin);
  EXPECT_EQ(least, 2300u);
  EXPECT_FALSE(file_exists(blob(weights) + "-partial"));
}

TEST_F(PullTest, ConnectionsThatBreakAreMadeAgain) {
  const std::string weights = bytes_of(3'000);
  publish(weights);
  server_.at("/v2/me/story/blobs/" + sha256_of(weights)).cut_after = 300;
  const auto model = pull(name());
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(blob(weights)), weights);
}

TEST_F(PullTest, AWrongSumIsAnErrorAndNothingIsKept) {
  const std::string weights = bytes_of(2'500);
  publish(weights);
  std::string wrong = weights;
  wrong[1234] ^= 1;
  server_.put("/v2/me/story/blobs/" + sha256_of(weights), wrong);
  EXPECT_EQ(pull(name()).error().fault, Fault::bad_format);
  EXPECT_FALSE(file_exists(blob(weights)));
  EXPECT_FALSE(file_exists(blob(weights) + "-partial"));
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(PullTest, AServerWithoutRangesIsReadFromTheFront) {
  const std::string weights = bytes_of(2'500);
  publish(weights);
  server_.at("/v2/me/story/blobs/" + sha256_of(weights)).ranges = false;
  options_.download.part_bytes = 1 << 20;
  ASSERT_TRUE(pull(name()).has_value());
  EXPECT_EQ(*read_file(blob(weights)), weights);
}

TEST_F(PullTest, AFileOfHuggingFaceIsFoundByItsQuantization) {
  const std::string weights = bytes_of(1'500);
  const std::string oid = sha256_of(weights).substr(7);
  server_.put("/api/models/me/repo/tree/main?recursive=true",
              R"([{"type":"file","path":"README.md","size":3},
                  {"type":"file","path":"story-Q8_0.gguf","size":9,"lfs":{"oid":")" +
                  std::string(64, 'a') + R"("}},
                  {"type":"file","path":"story q4-Q4_K_M.gguf","size":1500,"lfs":{"oid":")" +
                  oid + R"("}}])");
  server_.put("/me/repo/resolve/main/story%20q4-Q4_K_M.gguf", "");
  server_.at("/me/repo/resolve/main/story%20q4-Q4_K_M.gguf").status = 302;
  server_.at("/me/repo/resolve/main/story%20q4-Q4_K_M.gguf").location =
      "http://localhost" + server_.host().substr(9) + "/cdn";
  server_.put("/cdn", weights);
  options_.hugging_face_token = "secret";
  const auto model = pull("hf.co/me/repo:q4_k_m");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(*store_.model_path(*model)), weights);
  for (const auto& request : server_.requests())
    EXPECT_EQ(request.authorization, request.path == "/cdn" ? "" : "Bearer secret") << request.path;
  EXPECT_EQ(pull("hf.co/me/repo:Q2_K").error().text,
            "hf.co/me/repo has no GGUF file 'Q2_K'; it has: Q8_0, Q4_K_M");
}

// A model in two files, as the hub lists it.
void publish_shards(TestServer& server, const std::vector<std::string>& names,
                    const std::vector<std::string>& files) {
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    list += (i == 0 ? "" : ",") + std::string(R"({"type":"file","path":")") + names[i] +
            R"(","size":)" + std::to_string(files[i].size()) + R"(,"lfs":{"oid":")" +
            sha256_of(files[i]).substr(7) + R"("}})";
    server.put("/me/repo/resolve/main/" + names[i], files[i]);
  }
  server.put("/api/models/me/repo/tree/main?recursive=true", "[" + list + "]");
}

TEST_F(PullTest, AModelInSeveralFilesComesWholeAndItsFilesFindEachOther) {
  const std::string first = bytes_of(1'200), second = bytes_of(700);
  publish_shards(server_,
                 {"Q8_0/big-Q8_0-00002-of-00002.gguf", "Q8_0/big-Q8_0-00001-of-00002.gguf"},
                 {second, first});
  const auto model = pull("hf.co/me/repo:Q8_0");
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(model->size(), 1'900u);
  const std::string path = *store_.model_path(*model);
  EXPECT_TRUE(path.ends_with("/model-00001-of-00002.gguf")) << path;
  EXPECT_EQ(*read_file(path), first);
  EXPECT_EQ(*read_file(files_of_model(path)[1]), second);
  ASSERT_TRUE(store_.remove(model->ref).has_value());
  EXPECT_FALSE(file_exists(path));
  EXPECT_FALSE(file_exists(blob(second)));
}

TEST_F(PullTest, AModelWithAMissingFileIsNotFound) {
  publish_shards(server_, {"big-Q8_0-00001-of-00002.gguf"}, {bytes_of(100)});
  const auto model = pull("hf.co/me/repo:Q8_0");
  EXPECT_EQ(model.error().fault, Fault::not_found);
  EXPECT_NE(model.error().text.find("big-Q8_0-00002-of-00002.gguf' is missing"), std::string::npos)
      << model.error().text;
}

TEST_F(PullTest, ATokenGoesToItsRegistryOnly) {
  publish(bytes_of(100));
  options_.download.http.token = "mine";
  ASSERT_TRUE(pull(name()).has_value());
  for (const auto& request : server_.requests()) EXPECT_EQ(request.authorization, "Bearer mine");
}

TEST_F(PullTest, WhatIsPushedCanBePulled) {
  const std::string weights = bytes_of(2'500), file = folder_.path() + "/w.gguf";
  ASSERT_TRUE(write_file(file, weights).has_value());
  Manifest manifest;
  manifest.config = *store_.add_blob("application/vnd.docker.container.image.v1+json", "{}");
  // Weights in place: the registry gets the bytes, and not where they lie.
  manifest.layers = {
      {std::string(layer_prefix) + "model", sha256_of(weights), weights.size(), file},
      *store_.add_blob(std::string(layer_prefix) + "system", "Be brief."),
      *store_.add_blob(std::string(layer_prefix) + "adapter", bytes_of(700))};
  const ModelRef ref = *parse_model_ref(name());
  ASSERT_TRUE(store_.write(ref, manifest).has_value());
  PushOptions push;
  push.allow_http = true;
  push.http.token = "mine";
  server_.require_token("mine");
  const auto pushed = push_model(store_, ref, push);
  ASSERT_TRUE(pushed.has_value()) << pushed.error().text;

  const Store other(folder_.path() + "/other");
  const auto model = pull_model(other, ref, options_);
  ASSERT_TRUE(model.has_value()) << model.error().text;
  EXPECT_EQ(*read_file(*other.model_path(*model)), weights);
  const auto contents = read_contents(other, *model);
  ASSERT_TRUE(contents.has_value()) << contents.error().text;
  EXPECT_EQ(contents->system, "Be brief.");
  ASSERT_EQ(contents->adapters.size(), 1u);
  EXPECT_EQ(*read_file(contents->adapters[0]), bytes_of(700));

  // What is there already is not sent again.
  const size_t n_before = server_.requests().size();
  ASSERT_TRUE(push_model(store_, ref, push).has_value());
  size_t n_posts = 0;
  const auto requests = server_.requests();
  for (size_t i = n_before; i < requests.size(); ++i)
    n_posts += requests[i].method == "POST" ? 1 : 0;
  EXPECT_EQ(n_posts, 0u);
  push.http.token = "";
  ASSERT_TRUE(store_.write(*parse_model_ref(name() + ":2"), manifest).has_value());
  EXPECT_EQ(push_model(store_, *parse_model_ref(name() + ":2"), push).error().fault, Fault::usage);
}

TEST_F(PullTest, WhatARegistryMustNotSendIsRefused) {
  EXPECT_EQ(pull(name()).error().fault, Fault::not_found);
  const std::string path = "/v2/me/story/manifests/latest";
  for (
      const char* body :
      {"", "[]", R"({"layers":3})", R"({"layers":[{"digest":"sha256:../../x","size":1}]})",
       R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:aa","size":-1}]})"}) {
    server_.put(path, body);
    EXPECT_EQ(pull(name()).error().fault, Fault::bad_format) << body;
  }
  const std::string digest = "sha256:" + std::string(64, 'a');
  server_.put(path, R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":")" +
                        digest + R"(","size":1,"path":"/etc/passwd"}]})");
  EXPECT_EQ(pull(name()).error().fault, Fault::unsupported);
  server_.put(path, std::string(20 << 20, ' '));
  EXPECT_EQ(pull(name()).error().fault, Fault::limit);
  options_.allow_http = false;
  EXPECT_EQ(pull(name()).error().fault, Fault::usage);
  EXPECT_TRUE(store_.list().empty());
}

}  // namespace
}  // namespace quire
