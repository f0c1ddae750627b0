// LoRA adapters for each request and for the server, against the same adapters loaded alone.
#include "support.h"

#include "server/json.h"

#include <gmock/gmock.h>

#include <thread>

namespace quire::server {
namespace {

using testing::HasSubstr;

std::string golden(const std::string& name) { return QUIRE_SOURCE_DIR "/tests/golden/" + name; }
const std::string first_file = golden("adapter/llama-all.gguf");
const std::string second_file = golden("adapter/llama-rslora-f16.gguf");

AppOptions with_loras(std::vector<AdapterFile> files) {
  AppOptions options = default_options();
  options.models.adapters.files.loras = std::move(files);
  options.models.host.runner.n_ctx = 128;
  return options;
}

TestServer serve(std::vector<AdapterFile> files) {
  return TestServer(with_loras(std::move(files)), {}, {golden("hf/llama-bf16")});
}

constexpr const char* prompt = R"("prompt": [5, 6, 7, 8, 9, 10, 11, 12], "n_predict": 24)";

// The tokens drawn greedily, joined; `more` are other fields.
std::string answer(const TestServer& server, const std::string& more = "") {
  const Reply reply = server.post(
      "/completion", "{" + std::string(prompt) + R"(, "temperature": 0, "return_tokens": true, )" +
                         R"("ignore_eos": true)" + more + "}");
  EXPECT_EQ(reply.status, 200) << reply.body;
  return to_text(Json::parse(reply.body)["tokens"]);
}

// What the engine gives with adapters of these strengths and nothing else loaded.
std::string alone(const std::vector<AdapterFile>& files) {
  const auto base = Model::load(golden("hf/llama-bf16")).value();
  RunnerOptions options;
  options.n_ctx = 64;
  options.n_threads = 1;
  const auto engine =
      Engine::create(with_adapters(base, {.loras = files}).value(), options).value();
  Request request;
  request.prompt = {5, 6, 7, 8, 9, 10, 11, 12};
  request.n_predict = 24;
  request.sampling.temperature = 0;
  request.end = EndOfGeneration::never_drawn;
  return to_text(Json(generate(*engine, std::move(request), nullptr).value().tokens));
}

TEST(LoraRequests, OneServerGivesWhatEachAdapterGivesAlone) {
  const TestServer server = serve({{first_file, 1}, {second_file, 1}});
  const std::string base = alone({}), one = alone({{first_file, 1}}),
                    two = alone({{second_file, -2}}),
                    both = alone({{first_file, 0.5f}, {second_file, 1.5f}});
  ASSERT_NE(base, one);
  ASSERT_NE(base, two);
  ASSERT_NE(one, two);
  for (int round = 0; round < 2; ++round) {  // the second time from the cache
    EXPECT_EQ(answer(server, R"(, "lora": [{"id": 0, "scale": 1}])"), one);
    EXPECT_EQ(answer(server, R"(, "lora": [{"id": 1, "scale": -2}])"), two);
    EXPECT_EQ(answer(server, R"(, "lora": [{"id": 1, "scale": 1.5}, {"id": 0, "scale": 0.5}])"),
              both);
    EXPECT_EQ(answer(server, R"(, "lora": [])"), base);
    EXPECT_EQ(answer(server), alone({{first_file, 1}, {second_file, 1}}));
  }
}

TEST(LoraRequests, TogetherInOneBatchTheyGiveWhatTheyGiveAlone) {
  const TestServer server = serve({{first_file, 1}, {second_file, 1}});
  const std::string one = alone({{first_file, 1}}), two = alone({{second_file, -2}}),
                    base = alone({});
  std::vector<std::string> answers(9);
  std::vector<std::thread> clients;
  for (size_t i = 0; i < answers.size(); ++i)
    clients.emplace_back([&, i] {
      const char* lora[] = {R"(, "lora": [{"id": 0, "scale": 1}])",
                            R"(, "lora": [{"id": 1, "scale": -2}])", R"(, "lora": [])"};
      answers[i] = answer(server, lora[i % 3]);
    });
  for (std::thread& client : clients) client.join();
  for (size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i], i % 3 == 0 ? one : i % 3 == 1 ? two : base) << i;
}

TEST(LoraRequests, PromptsOfOtherScalesAreNotTakenFromTheCache) {
  const TestServer server = serve({{first_file, 1}});
  std::string tokens = "5";
  for (int i = 0; i < 100; ++i) tokens += "," + std::to_string(6 + i % 50);
  const auto n_cached = [&](const char* scale) {
    const Reply reply = server.post("/completion", R"({"n_predict": 1, "prompt": [)" + tokens +
                                                       R"(], "lora": [{"id": 0, )" +
                                                       R"("scale": )" + scale + "}]}");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body)["timings"]["cache_n"].get<int>();
  };
  EXPECT_EQ(n_cached("1"), 0);
  EXPECT_GE(n_cached("1"), 96);
  EXPECT_EQ(n_cached("0.5"), 0);
  EXPECT_GE(n_cached("0.5"), 96);
}

TEST(LoraAdapters, AreListedAndSetForEveryRequestThatSaysNothing) {
  const TestServer server = serve({{first_file, 0}, {second_file, 0.5f}});
  EXPECT_EQ(server.get("/lora-adapters").body,
            R"([{"id":0,"path":")" + first_file +
                R"(","scale":0.0,"task_name":"","prompt_prefix":""},{"id":1,"path":")" +
                second_file + R"(","scale":0.5,"task_name":"","prompt_prefix":""}])");
  EXPECT_EQ(server.post("/lora-adapters", R"([{"id": 0, "scale": 1}])").body,
            R"({"success":true})");
  EXPECT_EQ(answer(server), alone({{first_file, 1}}));
  // A list that came from the server goes back with other scales.
  Json list = Json::parse(server.get("/lora-adapters").body);
  list[0]["scale"] = 0;
  EXPECT_EQ(server.post("/lora-adapters", to_text(list)).status, 200);
  EXPECT_EQ(answer(server), alone({}));
}

TEST(LoraAdapters, AreWhatEveryApiTakes) {
  const TestServer server = serve({{first_file, 0}});
  const std::string chat =
      R"({"max_tokens": 8, "temperature": 0, "messages": [{"role": "user", "content": "ab"}])";
  for (const std::string path : {"/v1/chat/completions", "/v1/messages"}) {
    const std::string with = server.post(path, chat + R"(, "lora": [{"id": 0, "scale": 4}]})").body;
    const std::string without = server.post(path, chat + "}").body;
    const auto text = [&](const std::string& body) {
      const Json json = Json::parse(body);
      return to_text(json.contains("choices") ? json["choices"] : json["content"]);
    };
    EXPECT_NE(text(with), text(without)) << path;
    EXPECT_EQ(server.post(path, chat + R"(, "lora": [{"id": 9, "scale": 4}]})").status, 400);
  }
  for (const std::string path : {"/v1/completions", "/v1/responses", "/api/generate", "/infill"}) {
    const Reply reply = server.post(
        path,
        R"({"model": "tiny", "prompt": "ab", "input": "ab", "lora": [{"id": 9, "scale": 1}]})");
    EXPECT_NE(reply.status, 200) << path;
    EXPECT_THAT(reply.body, HasSubstr(path == "/infill" ? "no tokens" : "lora[0].id 9")) << path;
  }
}

TEST(LoraAdapters, WhatCannotBeIsRefusedAndSaysWhy) {
  const TestServer server = serve({{first_file, 1}});
  const std::pair<const char*, const char*> cases[] = {
      {R"([{"id": 1, "scale": 1}])", "lora[0].id 1: tiny has the LoRA adapters 0 to 0"},
      {R"([{"id": -1, "scale": 1}])", "lora[0].id -1 is out of range"},
      {R"([{"id": 0.5, "scale": 1}])", "lora[0].id is 0.5, not a whole number"},
      {R"([{"scale": 1}])", "lora[0].id is missing"},
      {R"([{"id": 0}])", "lora[0].scale is missing"},
      {R"([{"id": 0, "scale": "1"}])", "lora[0].scale is "},
      {R"([{"id": 0, "scale": NaN}])", "JSON"},
      {R"([{"id": 0, "scale": 1e300}])", "lora[0].scale 1e+300 is out of range"},
      {R"([{"id": 0, "scale": 1}, {"id": 0, "scale": 2}])", "lora[1].id 0 is there twice"},
      {R"([{"id": 0, "scale": 1, "path": "other"}])", "lora[0].path is not that of adapter 0"},
      {R"([7])", "lora[0] is 7, not a JSON object"},
      {R"({"id": 0})", "lora"},
  };
  for (const auto& [list, error] : cases) {
    const Reply reply =
        server.post("/completion", R"({"prompt": [5], "lora": )" + std::string(list) + "}");
    EXPECT_EQ(reply.status, 400) << list;
    EXPECT_THAT(reply.body, HasSubstr(error)) << list;
    EXPECT_EQ(server.post("/lora-adapters", list).status, 400) << list;
  }
  const std::string scale = Json::parse(server.get("/lora-adapters").body)[0]["scale"].dump();
  EXPECT_EQ(scale, "1.0") << "what was refused has changed nothing";
  EXPECT_EQ(server.post("/lora-adapters", "").status, 400);
  EXPECT_EQ(server.get("/lora-adapters?model=nowhere").status, 404);
}

TEST(LoraAdapters, AModelWithoutThemSaysSo) {
  const TestServer server;
  EXPECT_EQ(server.get("/lora-adapters").body, "[]");
  EXPECT_EQ(server.post("/lora-adapters", "[]").status, 200);
  const Reply reply =
      server.post("/completion", R"({"prompt": "a", "lora": [{"id": 0, "scale": 1}]})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("tiny has no LoRA adapters (--lora)"));
}

TEST(LoraRequests, EmbeddingsFollowWhatTheServerIsSetTo) {
  const TestServer server = serve({{first_file, 1}});
  const auto vector_at = [&](double scale) {
    const Reply set =
        server.post("/lora-adapters", R"([{"id": 0, "scale": )" + std::to_string(scale) + "}]");
    EXPECT_EQ(set.status, 200) << set.body;
    const Reply reply = server.post("/v1/embeddings", R"({"input": [5, 6, 7, 8]})");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body)["data"][0]["embedding"].get<std::vector<float>>();
  };
  const auto whole = vector_at(1), none = vector_at(0);
  EXPECT_NE(whole, none);
  EXPECT_EQ(vector_at(1), whole);
  EXPECT_EQ(vector_at(0), none);
}

TEST(LoraRequests, AnAnswerSaysHowStronglyTheyWorked) {
  const TestServer server = serve({{first_file, 0.5f}, {second_file, 1}});
  const auto told = [&](const std::string& more) {
    const Reply reply = server.post("/completion", "{" + std::string(prompt) + more + "}");
    return Json::parse(reply.body)["generation_settings"]["lora"];
  };
  EXPECT_EQ(told(""), Json::parse(R"([{"id": 0, "scale": 0.5}, {"id": 1, "scale": 1.0}])"));
  EXPECT_EQ(told(R"(, "lora": [{"id": 1, "scale": 2}])"),
            Json::parse(R"([{"id": 0, "scale": 0.0}, {"id": 1, "scale": 2.0}])"));
}

}  // namespace
}  // namespace quire::server
