// Models of a store behind Ollama's API: made, sent, fetched, used, copied, removed.
#include "support.h"

#include "base/file.h"
#include "base/sha256.h"
#include "server/store_catalog.h"
#include "unit/base/temporary_folder.h"
#include "unit/store/test_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace quire::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class StoreCatalogTest : public testing::Test {
 protected:
  StoreCatalogTest() { serve(0); }
  void serve(int64_t n_ctx) {
    server_.reset();
    StoreCatalogOptions options;
    options.store = folder_.path() + "/models";
    options.caches.llama_cpp = folder_.path() + "/llama";
    options.pull.hugging_face = "http://" + registry_.host();
    options.pull.download.part_bytes = 1 << 20;
    const std::vector<std::string> files = {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf"};
    auto catalog = std::make_unique<StoreCatalog>(FileCatalog::create(files, {}).value(), options);
    AppOptions app = default_options();
    app.models.host.runner.n_ctx = n_ctx;
    server_ = std::make_unique<TestServer>(std::move(catalog), app);
  }

  json post(const std::string& path, const json& body, int status = 200) {
    const Reply reply = server_->post(path, body.dump());
    EXPECT_EQ(reply.status, status) << path << " " << body.dump() << "\n" << reply.body;
    return json::parse(reply.body, nullptr, false);
  }
  // The lines of an answer in pieces.
  std::vector<json> lines(const std::string& path, const json& body) {
    const Reply reply = server_->post(path, body.dump());
    EXPECT_EQ(reply.status, 200) << reply.body;
    std::vector<json> list;
    for (size_t begin = 0; begin < reply.body.size();) {
      const size_t end = reply.body.find('\n', begin);
      list.push_back(json::parse(reply.body.substr(begin, end - begin), nullptr, false));
      begin = end + 1;
    }
    return list;
  }
  int send_blob(const std::string& digest, const std::string& bytes) {
    return server_->ask("POST", "/api/blobs/" + digest, bytes).status;
  }
  // The digest of these bytes, which are there now.
  std::string send(const std::string& bytes) {
    const std::string digest = sha256_of(bytes);
    EXPECT_EQ(send_blob(digest, bytes), 201);
    return digest;
  }
  std::string weights() { return read_file(QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf").value(); }
  // What the model says first after this chat, by its prompt.
  std::string prompt_of(const std::string& model, const json& messages) {
    return post("/apply-template", {{"model", model}, {"messages", messages}})["prompt"];
  }
  std::vector<std::string> names() {
    std::vector<std::string> list;
    const json answer = json::parse(server_->get("/api/tags").body);
    for (const json& model : answer["models"]) list.push_back(model["name"]);
    return list;
  }

  TemporaryFolder folder_;
  quire::TestServer registry_;
  std::unique_ptr<TestServer> server_;
};

const json hello = json::array({{{"role", "user"}, {"content", "Hello"}}});

TEST_F(StoreCatalogTest, AModelMadeOfAnotherSpeaksAsItSays) {
  post("/api/create",
       {{"model", "bear"},
        {"from", "tales"},
        {"stream", false},
        {"system", "You are a bear."},
        {"template", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"},
        {"parameters", {{"temperature", 0}, {"num_predict", 3}, {"seed", 5}}},
        {"messages",
         {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", "b"}}}},
        {"license", {"free", "as air"}}});
  EXPECT_EQ(prompt_of("bear", hello), "<system>You are a bear.<user>a<assistant>b<user>Hello");
  json own = hello;
  own.insert(own.begin(), json{{"role", "system"}, {"content", "Other."}});
  EXPECT_EQ(prompt_of("bear", own), "<system>Other.<user>a<assistant>b<user>Hello");
  const json answer =
      post("/api/chat", {{"model", "bear"}, {"messages", hello}, {"stream", false}});
  EXPECT_EQ(answer["eval_count"], 3);
  EXPECT_EQ(answer["done_reason"], "length");
  const json more = post("/v1/chat/completions", {{"model", "bear"}, {"messages", hello}});
  EXPECT_EQ(more["usage"]["completion_tokens"], 3);
  const json whole =
      post("/v1/chat/completions", {{"model", "bear"}, {"messages", hello}, {"max_tokens", 5}});
  EXPECT_EQ(whole["usage"]["completion_tokens"], 5);

  const json shown = post("/api/show", {{"model", "bear"}});
  EXPECT_EQ(shown["system"], "You are a bear.");
  EXPECT_EQ(shown["license"], "free\nas air");
  EXPECT_EQ(shown["messages"][1]["content"], "b");
  EXPECT_THAT(shown["parameters"].get<std::string>(), HasSubstr("num_predict"));
  EXPECT_THAT(shown["modelfile"].get<std::string>(),
              HasSubstr("SYSTEM \"\"\"You are a bear.\"\"\""));
  EXPECT_EQ(shown["details"]["family"], "llama");

  // Made again, it speaks otherwise at once.
  post("/api/create", {{"model", "bear"}, {"from", "bear"}, {"stream", false}, {"system", "Fox."}});
  EXPECT_THAT(prompt_of("bear", hello), testing::StartsWith("<system>Fox."));
}

TEST_F(StoreCatalogTest, AModelfileIsTakenAsText) {
  const auto said =
      lines("/api/create", {{"name", "brief"}, {"modelfile", "FROM tales\nSYSTEM Be brief.\n"}});
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said.back()["status"], "success");
  EXPECT_EQ(post("/api/show", {{"model", "brief:latest"}})["system"], "Be brief.");
}

TEST_F(StoreCatalogTest, WeightsComeAsABlobAndAreCheckedByTheirSum) {
  const std::string bytes = weights(), digest = sha256_of(bytes);
  EXPECT_EQ(server_->ask("HEAD", "/api/blobs/" + digest).status, 404);
  EXPECT_EQ(send_blob(digest, bytes.substr(1)), 400);
  EXPECT_EQ(server_->ask("HEAD", "/api/blobs/" + digest).status, 404);
  EXPECT_EQ(send_blob(digest, bytes), 201);
  EXPECT_EQ(server_->ask("HEAD", "/api/blobs/" + digest).status, 200);
  post("/api/create", {{"model", "own"}, {"files", {{"x.gguf", digest}}}, {"stream", false}});
  EXPECT_EQ(post("/api/generate", {{"model", "own"},
                                   {"prompt", "Once"},
                                   {"stream", false},
                                   {"options", {{"num_predict", 2}}}})["eval_count"],
            2);
}

TEST_F(StoreCatalogTest, AFolderComesAsBlobsAndBecomesAModel) {
  serve(128);  // as many positions as the folder's model knows
  const std::string folder = QUIRE_SOURCE_DIR "/tests/golden/hf/llama-bf16/";
  json files = json::object();
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "tokenizer_config.json", "chat_template.jinja"})
    files[name] = send(read_file(folder + name).value());
  const auto said = lines("/api/create", {{"model", "own"}, {"files", files}});
  EXPECT_EQ(said[0]["status"], "converting model");
  EXPECT_EQ(said.back()["status"], "success") << said.back();
  const json shown = post("/api/show", {{"model", "own"}});
  EXPECT_EQ(shown["details"]["quantization_level"], "BF16");
  EXPECT_EQ(shown["model_info"]["general.name"], "own");
  EXPECT_EQ(shown["template"], read_file(folder + "chat_template.jinja").value());
  EXPECT_EQ(
      post("/api/generate", {{"model", "own"},
                             {"prompt", "Once"},
                             {"stream", false},
                             {"options", {{"num_predict", 2}, {"temperature", 0}}}})["eval_count"],
      2);
  // And an adapter of the same kind.
  const std::string lora = QUIRE_SOURCE_DIR "/tests/golden/adapter/llama-all/";
  json adapter = json::object();
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"})
    adapter[name] = send(read_file(lora + name).value());
  post("/api/create",
       {{"model", "styled"}, {"from", "own"}, {"adapters", adapter}, {"stream", false}});
  EXPECT_THAT(post("/api/show", {{"model", "styled"}})["modelfile"].get<std::string>(),
              HasSubstr("\nADAPTER "));
  const auto says = [&](const char* model) {
    return post("/api/generate",
                {{"model", model},
                 {"prompt", "Once"},
                 {"stream", false},
                 {"options", {{"num_predict", 8}, {"temperature", 0}}}})["context"];
  };
  EXPECT_NE(says("styled"), says("own"));

  files.erase("config.json");
  const json error =
      post("/api/create", {{"model", "own"}, {"files", files}, {"stream", false}}, 404);
  EXPECT_THAT(error["error"].get<std::string>(), testing::StartsWith("own: this folder has no"));
  files["../config.json"] = files["tokenizer.json"];
  post("/api/create", {{"model", "own"}, {"files", files}, {"stream", false}}, 400);
}

TEST_F(StoreCatalogTest, QuantizeStoresTheWeightsInAnotherType) {
  const auto said =
      lines("/api/create", {{"model", "small"}, {"from", "tales"}, {"quantize", "q4_K_M"}});
  EXPECT_EQ(said[0]["status"], "quantizing model to q4_K_M");
  EXPECT_TRUE(std::ranges::any_of(said, [](const json& line) {
    return line.contains("total") && line["total"] == line["completed"];
  }));
  EXPECT_EQ(said.back()["status"], "success") << said.back();
  EXPECT_EQ(post("/api/show", {{"model", "small"}})["details"]["quantization_level"], "Q4_K_M");
  EXPECT_EQ(post("/api/generate", {{"model", "small"},
                                   {"prompt", "Once"},
                                   {"stream", false},
                                   {"options", {{"num_predict", 2}}}})["eval_count"],
            2);
  post("/api/create", {{"model", "small"}, {"from", "tales"}, {"quantize", "q9"}}, 400);
}

TEST_F(StoreCatalogTest, ABlobInChunksIsTheSame) {
  const std::string bytes = "GGUF some bytes", digest = sha256_of(bytes);
  const std::string head = "POST /api/blobs/" + digest +
                           " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                           "transfer-encoding: chunked\r\n\r\n";
  EXPECT_EQ(server_->raw(head + "4\r\nGGUF\r\nb\r\n some bytes\r\n0\r\n\r\n").status, 201);
  EXPECT_EQ(server_->ask("HEAD", "/api/blobs/" + digest).status, 200);
}

TEST_F(StoreCatalogTest, NamesAndDigestsThatLeaveTheStoreAre400) {
  for (const char* name : {"../x", "a/../../b", "..", "a/b/../c", "x:../y", "/etc/passwd"}) {
    for (const char* path : {"/api/pull", "/api/push", "/api/show", "/api/generate"})
      post(path, {{"model", name}, {"prompt", "x"}}, 400);
    post("/api/create", {{"model", name}, {"from", "tales"}}, 400);
    post("/api/copy", {{"source", "tales"}, {"destination", name}}, 400);
    EXPECT_EQ(server_->ask("DELETE", "/api/delete", json({{"model", name}}).dump()).status, 400)
        << name;
  }
  for (const char* digest : {"sha256:../../x", "..%2f..%2fx", "sha256:abc", "x"}) {
    EXPECT_EQ(server_->ask("HEAD", std::string("/api/blobs/") + digest).status, 400) << digest;
    EXPECT_EQ(send_blob(digest, "x"), 400) << digest;
    post("/api/create", {{"model", "a"}, {"files", {{"x.gguf", digest}}}}, 400);
  }
  post("/api/create", {{"model", "a"}, {"modelfile", "FROM /etc/passwd"}, {"stream", false}}, 400);
  post("/api/create", {{"model", "a"}}, 400);
  post("/api/create", {{"model", "a"}, {"from", "tales"}, {"parameters", {{"heat", 1}}}}, 400);
  post("/api/create", {{"model", "a"}, {"from", "tales"}, {"messages", {{{"role", "x"}}}}}, 400);
  post("/api/create",
       {{"model", "a"}, {"from", "tales"}, {"template", "{% if %}"}, {"stream", false}}, 400);
}

TEST_F(StoreCatalogTest, CopiesHaveTheirOwnNamesAndGoOneByOne) {
  post("/api/create", {{"model", "one"}, {"from", "tales"}, {"system", "x"}, {"stream", false}});
  EXPECT_EQ(server_->post("/api/copy", R"({"source": "one", "destination": "two:v1"})").status,
            200);
  EXPECT_EQ(server_->post("/api/copy", R"({"source": "tales", "destination": "three"})").status,
            200);
  EXPECT_THAT(names(), testing::IsSupersetOf({"one:latest", "two:v1", "three:latest"}));
  EXPECT_EQ(server_->ask("DELETE", "/api/delete", R"({"model": "one"})").status, 200);
  EXPECT_EQ(server_->ask("DELETE", "/api/delete", R"({"model": "one"})").status, 404);
  EXPECT_THAT(names(), testing::Not(testing::Contains("one:latest")));
  EXPECT_EQ(post("/api/show", {{"model", "two:v1"}})["system"], "x");
  const Reply file = server_->ask("DELETE", "/api/delete", R"({"model": "tales"})");
  EXPECT_EQ(file.status, 400);
  EXPECT_THAT(file.body, HasSubstr("not removed"));
}

TEST_F(StoreCatalogTest, FilesOfCachesCanBeNamed) {
  ASSERT_TRUE(make_directories(folder_.path() + "/llama").has_value());
  ASSERT_TRUE(write_file(folder_.path() + "/llama/mine-q8_0.gguf", weights()).has_value());
  EXPECT_THAT(names(), testing::Contains("mine-q8_0"));
  EXPECT_EQ(post("/v1/completions", {{"model", "mine-q8_0"},
                                     {"prompt", "a"},
                                     {"max_tokens", 1}})["usage"]["completion_tokens"],
            1);
}

TEST_F(StoreCatalogTest, AModelIsPushedToARegistryAndPulledFromIt) {
  const std::string name = "http://" + registry_.host() + "/me/bear:1";
  post("/api/create", {{"model", name}, {"from", "tales"}, {"system", "x"}, {"stream", false}});
  post("/api/push", {{"model", name}, {"stream", false}}, 400);  // no TLS, and not allowed
  const auto pushed = lines("/api/push", {{"model", name}, {"insecure", true}});
  EXPECT_EQ(pushed.back()["status"], "success");
  EXPECT_EQ(server_->ask("DELETE", "/api/delete", json({{"model", name}}).dump()).status, 200);
  EXPECT_EQ(server_->post("/api/show", json({{"model", name}}).dump()).status, 404);

  const auto pulled = lines("/api/pull", {{"model", name}, {"insecure", true}});
  EXPECT_EQ(pulled[0]["status"], "pulling manifest");
  EXPECT_EQ(pulled.back()["status"], "success");
  bool seen = false;
  for (const json& line : pulled)
    seen |= line.contains("completed") && line["completed"] == line["total"] &&
            line["total"] == weights().size();
  EXPECT_TRUE(seen);
  EXPECT_EQ(post("/api/pull", {{"model", name}, {"insecure", true}, {"stream", false}})["status"],
            "success");
  EXPECT_EQ(post("/api/show", {{"model", name}})["system"], "x");
  EXPECT_EQ(post("/api/chat", {{"model", name},
                               {"messages", hello},
                               {"stream", false},
                               {"options", {{"num_predict", 1}}}})["eval_count"],
            1);
}

TEST_F(StoreCatalogTest, WhatCannotBePulledSaysSo) {
  const std::string name = "http://" + registry_.host() + "/me/none";
  post("/api/pull", {{"model", name}, {"insecure", true}, {"stream", false}}, 404);
  const auto said = lines("/api/pull", {{"model", name}, {"insecure", true}});
  EXPECT_THAT(said.back()["error"].get<std::string>(), HasSubstr("there is no model"));
}

// Events of GET /models/sse are read from where they begin, as a client that was there before has
// them.
TEST_F(StoreCatalogTest, ModelsAreFetchedWhileClientsWatch) {
  const std::string bytes = weights();
  const json files = {{{"path", "dir/story-Q8_0.gguf"},
                       {"size", bytes.size()},
                       {"lfs", {{"oid", sha256_of(bytes).substr(7)}}}}};
  registry_.put("/api/models/me/story/tree/main?recursive=true", files.dump());
  registry_.put("/me/story/resolve/main/dir/story-Q8_0.gguf", bytes);
  App& app = server_->app();
  uint64_t place = app.model_events.place();
  std::vector<json> events;
  const auto wait_for = [&](const std::string& event) {
    while (events.empty() || events.back()["event"] != event) {
      const auto news = app.model_events.next(place, std::chrono::seconds(20), {});
      if (news.events.empty()) return false;
      for (const std::string& text : news.events) events.push_back(json::parse(text));
      if (events.back()["event"] == "download_failed") return event == "download_failed";
    }
    return true;
  };
  EXPECT_EQ(post("/models", {{"model", "me/story:Q8_0"}})["success"], true);
  ASSERT_TRUE(wait_for("download_finished")) << events.back().dump();
  EXPECT_EQ(events.back()["model"], "me/story:Q8_0");
  EXPECT_EQ(events.front()["event"], "download_progress");
  post("/tokenize", {{"model", "me/story:Q8_0"}, {"content", "Once"}});
  post("/models", {{"model", "me/story:Q8_0"}}, 400);  // it is there
  EXPECT_EQ(json::parse(server_->ask("DELETE", "/models?model=me/story:Q8_0").body)["success"],
            true);
  ASSERT_TRUE(wait_for("model_remove"));
  EXPECT_EQ(server_->ask("DELETE", "/models?model=me/story:Q8_0").status, 404);
  EXPECT_EQ(server_->ask("DELETE", "/models").status, 400);
  post("/models", {{"model", "../x"}}, 400);
  EXPECT_EQ(post("/models", {{"model", "me/nothing"}})["success"], true);
  ASSERT_TRUE(wait_for("download_failed"));
  EXPECT_THAT(events.back().dump(), HasSubstr("no model"));
}

TEST_F(StoreCatalogTest, KeepAliveZeroUnloadsWithoutLoading) {
  const json answer = post("/api/generate", {{"model", "tales"}, {"keep_alive", 0}});
  EXPECT_EQ(answer["done_reason"], "unload");
  EXPECT_TRUE(json::parse(server_->get("/api/ps").body)["models"].empty());
  post("/api/generate", {{"model", "tales"}, {"keep_alive", -1}});
  EXPECT_EQ(json::parse(server_->get("/api/ps").body)["models"].size(), 1u);
  post("/api/generate", {{"model", "tales"}, {"keep_alive", "0s"}});
  EXPECT_TRUE(json::parse(server_->get("/api/ps").body)["models"].empty());
}

}  // namespace
}  // namespace quire::server
