// What llama.cpp's server has and clients of it rely on, where a transcript cannot show it.
#include "server/saved_slots.h"
#include "support.h"

#include <gmock/gmock.h>

#include <fstream>

namespace quire::server {
namespace {

using testing::HasSubstr;

Json json_of(const Reply& reply) { return Json::parse(reply.body, nullptr, false); }

AppOptions with_slots(const TemporaryFolder& folder) {
  AppOptions options;
  options.slot_folder = folder.path();
  return options;
}

Json complete(const TestServer& server, int slot, const std::string& prompt) {
  const Reply reply =
      server.post("/completion", R"({"n_predict": 8, "temperature": 0, "id_slot": )" +
                                     std::to_string(slot) + R"(, "prompt": ")" + prompt + "\"}");
  EXPECT_EQ(reply.status, 200) << reply.body;
  return json_of(reply);
}

const std::string story =
    "Once upon a time there was a little dog who lived in a small house with his friend the cat";

TEST(Slots, WhatWasRunIsSavedAndTakenUpAgain) {
  const TemporaryFolder folder;
  const TestServer server(with_slots(folder));
  const Json first = complete(server, 1, story);
  const int64_t n_prompt = first["tokens_evaluated"];
  EXPECT_EQ(first["timings"]["prompt_n"], n_prompt);
  EXPECT_EQ(first["id_slot"], 1);

  const Json saved = json_of(server.post("/slots/1?action=save", R"({"filename": "one.bin"})"));
  EXPECT_EQ(saved["n_saved"], n_prompt + 8);
  const Json restored =
      json_of(server.post("/slots/0?action=restore", R"({"filename": "one.bin"})"));
  EXPECT_EQ(restored["n_restored"], saved["n_saved"]);
  EXPECT_EQ(restored["n_read"], saved["n_written"]);

  const Json again = complete(server, 0, story);
  EXPECT_EQ(again["content"], first["content"]);
  EXPECT_GT(again["timings"]["cache_n"], 0);
}

TEST(Slots, AfterAnErasureNothingIsShared) {
  const TemporaryFolder folder;
  const TestServer server(with_slots(folder));
  complete(server, 1, story);
  EXPECT_GT(complete(server, 1, story)["timings"]["cache_n"], 0);
  const Json erased = json_of(server.post("/slots/1?action=erase", ""));
  EXPECT_GT(erased["n_erased"], 8);
  EXPECT_EQ(complete(server, 1, story)["timings"]["cache_n"], 0);
  EXPECT_GT(complete(server, 1, story)["timings"]["cache_n"], 0) << "but with what comes after";
}

TEST(Slots, WhatCannotBeIsRefused) {
  const TemporaryFolder folder;
  const TestServer server(with_slots(folder));
  const auto status = [&](const char* path, const char* body) {
    const Reply reply = server.post(path, body);
    EXPECT_THAT(reply.body, HasSubstr("error"));
    return reply.status;
  };
  EXPECT_EQ(status("/slots/1?action=save", R"({"filename": "../x"})"), 400);
  EXPECT_EQ(status("/slots/1?action=save", R"({"filename": "a/b"})"), 400);
  EXPECT_EQ(status("/slots/1?action=save", R"({"filename": ""})"), 400);
  EXPECT_EQ(status("/slots/1?action=restore", R"({"filename": "nothing"})"), 400);
  EXPECT_EQ(status("/slots/9?action=erase", ""), 400);
  EXPECT_EQ(status("/slots/-1?action=erase", ""), 400);
  EXPECT_EQ(status("/slots/1?action=burn", ""), 400);
  std::ofstream(folder.path() + "/bad") << R"({"quire_slot": 1, "tokens": [1, 2]})";
  EXPECT_EQ(status("/slots/1?action=restore", R"({"filename": "bad"})"), 400);
  EXPECT_EQ(TestServer().post("/slots/1?action=erase", "").status, 501);
}

TEST(Slots, AFileThatWasChangedIsNotRead) {
  const std::string text = slot_file_text(7, {1, 2, 300});
  EXPECT_EQ(read_slot_file(text, "f", 7, 512).value(), (std::vector<int32_t>{1, 2, 300}));
  EXPECT_THAT(read_slot_file(text, "f", 8, 512).error().text, HasSubstr("another model"));
  EXPECT_THAT(read_slot_file(text, "f", 7, 300).error().text, HasSubstr("no token"));
  std::string changed = text;
  changed[changed.find("300")] = '1';
  EXPECT_THAT(read_slot_file(changed, "f", 7, 512).error().text, HasSubstr("damaged"));
  for (const char* other : {"", "[]", "{}", "{\"quire_slot\": 2}", "{\"quire_slot\": 1}"})
    EXPECT_FALSE(read_slot_file(other, "f", 7, 512).has_value()) << other;
}

TEST(LlamaServer, DefaultsOfRequestsAreThoseOfTheServer) {
  AppOptions options;
  options.defaults.sampling.temperature = 0.25f;
  options.defaults.sampling.top_k = 7;
  options.defaults.seed = 42;
  options.defaults.stop = {"zzz"};
  options.limits.n_predict_max = 5;
  options.tags = {"small"};
  const TestServer server(options);
  const Json settings = json_of(server.post("/completion", R"({"prompt": "Once"})"));
  EXPECT_EQ(settings["generation_settings"]["seed"], 42);
  EXPECT_EQ(settings["generation_settings"]["temperature"], 0.25);
  EXPECT_EQ(settings["generation_settings"]["top_k"], 7);
  EXPECT_EQ(settings["generation_settings"]["stop"], Json({"zzz"}));
  EXPECT_EQ(settings["generation_settings"]["n_predict"], 5);
  EXPECT_EQ(settings["tokens_predicted"], 5);
  const Json props = json_of(server.get("/props"));
  EXPECT_EQ(props["default_generation_settings"]["params"]["seed"], 42);
  EXPECT_EQ(props["default_generation_settings"]["params"]["n_predict"], 5);
  EXPECT_EQ(json_of(server.get("/v1/models"))["data"][0]["tags"], Json({"small"}));
}

TEST(LlamaServer, SlotsMayBeHidden) {
  AppOptions options;
  options.slots = false;
  EXPECT_EQ(TestServer(options).get("/slots").status, 501);
}

TEST(LlamaServer, AnyNameMeansTheFirstModelWhenTheServerIsToldSo) {
  const std::string body = R"({"model": "whatever", "prompt": "Once", "max_tokens": 1})";
  EXPECT_EQ(TestServer().post("/v1/completions", body).status, 404);
  AppOptions options;
  options.any_model_name = true;
  const Reply reply = TestServer(options).post("/v1/completions", body);
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("x-quire-note: 'whatever' is not here: tiny answers"));
}

TEST(LlamaServer, TheNamesOfModelsOfThisMachineAreNotThoseOfHostedOnes) {
  const auto status = [](const std::string& name) {
    static const TestServer server;
    return server
        .post("/v1/completions", R"({"prompt": "Once", "max_tokens": 1, "model": ")" + name + "\"}")
        .status;
  };
  EXPECT_EQ(status("gpt-3.5-turbo"), 200);
  EXPECT_EQ(status("claude-sonnet-4"), 200);
  EXPECT_EQ(status("gpt-oss-20b"), 404);
  EXPECT_EQ(status("nonexistent"), 404);
}

TEST(LlamaServer, AsItItHasItsOwnMetricsOnlyAndThroughputSinceTheLastLook) {
  AppOptions options;
  options.like_llama_server = true;
  const TestServer server(options);
  server.post("/completion", R"({"prompt": "Once", "n_predict": 8, "ignore_eos": true})");
  const std::string first = server.get("/metrics").body, second = server.get("/metrics").body;
  EXPECT_EQ(first.find("quire_"), std::string::npos);
  EXPECT_EQ(first.find("vllm:"), std::string::npos);
  const std::string none = "\nllamacpp:predicted_tokens_seconds 0\n";
  EXPECT_EQ(first.find(none), std::string::npos);
  EXPECT_THAT(second, HasSubstr(none));
  EXPECT_EQ(server.get("/metrics").body, second) << "nothing has happened";
}

TEST(LlamaServer, AsItAModelIsListedByTheNamesItWasGiven) {
  AppOptions options;
  options.like_llama_server = true;
  const Json model = json_of(TestServer(options).get("/models"))["data"][0];
  EXPECT_EQ(model["id"], "tiny");
  EXPECT_EQ(model["aliases"], Json({"tiny"}));
  EXPECT_EQ(json_of(TestServer().get("/models"))["data"][0]["aliases"], Json({"tales-3m-q8_0"}));
}

TEST(LlamaServer, AsItAChatMayBeEmptyAndAnAnswerGoesOnInParagraphs) {
  AppOptions options;
  options.like_llama_server = true;
  options.models.chat_template = "chatml";
  const TestServer server(options);
  EXPECT_EQ(server.post("/v1/chat/completions", R"({"messages": [], "max_tokens": 1})").status,
            200);
  EXPECT_EQ(TestServer().post("/v1/chat/completions", R"({"messages": []})").status, 400);
  const Json prompt =
      json_of(server.post("/apply-template", R"({"continue_final_message": true, "messages": [
      {"role": "user", "content": "a"}, {"role": "assistant", "content": [
        {"type": "text", "text": "Wh"}, {"type": "text", "text": "ill"}]}]})"));
  EXPECT_THAT(prompt["prompt"].get<std::string>(), testing::EndsWith("Wh\n\nill"));
}

TEST(LlamaServer, WithoutAModelItIsARouter) {
  AppOptions options;
  options.router = true;
  options.models.n_models_max = 2;
  options.loads_models = false;
  const TestServer server(options);
  const Json props = json_of(server.get("/props"));
  EXPECT_EQ(props["role"], "router");
  EXPECT_EQ(props["max_instances"], 2);
  EXPECT_EQ(props["models_autoload"], false);
  const std::string body = R"({"model": "tiny", "content": "Once"})";
  const Reply refused = server.post("/tokenize", body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("tiny is not loaded"));
  // Nor does a name that stands for the first model.
  EXPECT_EQ(server.post("/v1/completions", R"({"model": "gpt-4", "prompt": "Once"})").status, 400);
  EXPECT_EQ(server.post("/models/load", body).status, 200);
  EXPECT_EQ(server.post("/tokenize", body).status, 200);
}

TEST(LlamaServer, TheModelUsedLongestAgoGivesItsPlaceToAnother) {
  AppOptions options;
  options.models.n_models_max = 1;
  TestServer server(options, {},
                    {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf",
                     QUIRE_SOURCE_DIR "/tests/golden/model/llama-f32.gguf"});
  const auto loaded = [&] {
    std::string names;
    for (const auto& one : server.app().models.loaded()) names += one.served->name + ";";
    return names;
  };
  server.post("/tokenize", R"({"model": "tiny", "content": "Once"})");
  EXPECT_EQ(loaded(), "tiny;");
  server.post("/tokenize", R"({"model": "llama-f32", "content": "a"})");
  EXPECT_EQ(loaded(), "llama-f32;");
}

TEST(LlamaServer, AContextThatShiftsLosesItsBeginningAndSaysSo) {
  AppOptions options;
  options.defaults.context_shift = true;
  options.defaults.ignore_eos = true;
  const TestServer server(options);
  const Json answer =
      json_of(server.post("/completion", R"({"prompt": "Once upon a time", "n_predict": 300})"));
  EXPECT_EQ(answer["tokens_predicted"], 300);
  EXPECT_EQ(answer["truncated"], true);
}

TEST(LlamaServer, WithoutAShiftAFullContextEndsTheAnswer) {
  const TestServer server;
  const Json answer = json_of(server.post(
      "/completion", R"({"prompt": "Once upon a time", "n_predict": -1, "ignore_eos": true})"));
  EXPECT_EQ(answer["truncated"], true);
  EXPECT_EQ(answer["stop_type"], "limit");
}

TEST(LlamaServer, RatesLeaveOutTheFirstToken) {
  const TestServer server;
  const Json one = json_of(server.post("/completion", R"({"prompt": "Once", "n_predict": 1})"));
  EXPECT_EQ(one["timings"]["predicted_per_second"], 0);
  EXPECT_EQ(one["timings"]["predicted_per_token_ms"], 0);
  const Json many = json_of(
      server.post("/completion", R"({"prompt": "Once", "n_predict": 9, "ignore_eos": true})"));
  const Json& t = many["timings"];
  EXPECT_NEAR(t["predicted_per_second"].get<double>(), 8000 / t["predicted_ms"].get<double>(),
              1e-6);
}

TEST(LlamaServer, AnAnswerMayHaveATimeAfterItsFirstLine) {
  const TestServer server;
  const Json answer = json_of(server.post(
      "/completion", R"({"prompt": "Once", "n_predict": 240, "grammar": "root ::= \"\\n\"+",
                         "t_max_predict_ms": 1, "return_tokens": true, "ignore_eos": true})"));
  EXPECT_LT(answer["tokens"].size(), 240);
  EXPECT_EQ(answer["stop_type"], "limit");
}

TEST(LlamaServer, AModelThatSleepsIsToldOfAndNotWoken) {
  AppOptions options;
  options.sleeps = true;
  TestServer server(options);
  EXPECT_EQ(json_of(server.get("/props"))["is_sleeping"], false);
  server.post("/completion", R"({"prompt": "Once", "n_predict": 2})");
  server.app().models.release("tiny");
  ASSERT_TRUE(server.app().models.loaded().empty());
  const Json asleep = json_of(server.get("/props"));
  EXPECT_EQ(asleep["is_sleeping"], true);
  EXPECT_EQ(asleep["model_alias"], "tiny");
  EXPECT_THAT(server.get("/metrics").body, HasSubstr("\nllamacpp:tokens_predicted_total 2\n"))
      << "what was counted stays";
  EXPECT_TRUE(server.app().models.loaded().empty());
  server.post("/completion", R"({"prompt": "Once", "n_predict": 1})");
  EXPECT_EQ(json_of(server.get("/props"))["is_sleeping"], false);
}

TEST(LlamaServer, ModelsAreLoadedAndUnloadedByHand) {
  const TestServer server;
  const auto status = [&] {
    return json_of(server.get("/models"))["data"][0]["status"]["value"].get<std::string>();
  };
  EXPECT_EQ(status(), "unloaded");
  EXPECT_EQ(server.post("/models/unload", R"({"model": "tiny"})").status, 400);
  EXPECT_EQ(json_of(server.post("/models/load", R"({"model": "tiny"})"))["success"], true);
  EXPECT_EQ(status(), "loaded");
  EXPECT_EQ(json_of(server.post("/models/unload", R"({"model": "tiny"})"))["success"], true);
  EXPECT_EQ(status(), "unloaded");
  EXPECT_EQ(server.post("/models/load", R"({"model": "nonsense"})").status, 404);
  EXPECT_EQ(server.post("/models/load", "{}").status, 400);
}

TEST(LlamaServer, MetricsMayBeOff) {
  AppOptions options;
  options.metrics = false;
  const TestServer server(options);
  EXPECT_EQ(server.get("/metrics").status, 501);
  EXPECT_EQ(json_of(server.get("/props"))["endpoint_metrics"], false);
}

TEST(LlamaServer, ResponsesTellProgressAndTimings) {
  const TestServer server;
  const Reply reply = server.post(
      "/v1/responses", R"({"input": "Once upon a time", "max_output_tokens": 4, "stream": true,
                           "return_progress": true, "timings_per_token": true})");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("\"prompt_progress\":{\"total\":"));
  const size_t delta = reply.body.find("response.output_text.delta");
  ASSERT_NE(delta, std::string::npos);
  EXPECT_NE(reply.body.find("\"timings\"", delta), std::string::npos);
  const Reply plain =
      server.post("/v1/responses", R"({"input": "Once", "max_output_tokens": 4, "stream": true})");
  EXPECT_EQ(plain.body.find("prompt_progress"), std::string::npos);
}

TEST(LlamaServer, TemplatesAreToldTheDateAndThatThinkingIsAllowed) {
  AppOptions options;
  options.models.chat_template =
      "{{ date_string }}|{{ datetime }}|{{ enable_thinking }}|{{ messages[0].content }}";
  const TestServer server(options);
  const auto prompt = [&](const std::string& more) {
    const Reply reply = server.post(
        "/apply-template", R"({"messages": [{"role": "user", "content": "Hi"}])" + more + "}");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json_of(reply).value("prompt", "");
  };
  EXPECT_THAT(prompt(""), testing::MatchesRegex("[0-9]+ [A-Z][a-z]+ [0-9]+.[A-Z][a-z]+ [0-9]+ "
                                                "[0-9]+.True.Hi"));
  EXPECT_EQ(prompt(R"(, "chat_template_kwargs": {"enable_thinking": false, "date_string": "now",
                        "datetime": ""})"),
            "now||False|Hi");
}

TEST(Ollama, AModelIsAlsoNamedBesideAnEmptyOne) {
  const TestServer server;  // as Go's client sends it
  EXPECT_EQ(server.post("/api/show", R"({"model": "", "name": "tiny"})").status, 200);
  EXPECT_EQ(server.post("/api/show", R"({"model": "", "name": ""})").status, 400);
}

TEST(Ollama, AnswersAndErrorsHaveTheWordsThatItsTestsCompare) {
  const TestServer server;
  EXPECT_THAT(server.get("/api/version").head,
              HasSubstr("content-type: application/json; charset=utf-8"));
  EXPECT_THAT(server.get("/v1/models").head, HasSubstr("content-type: application/json\r\n"));
  const auto error = [&](const char* method, const char* path, const char* body, int status) {
    const Reply reply = server.ask(method, path, body);
    EXPECT_EQ(reply.status, status) << reply.body;
    return json_of(reply).value("error", "");
  };
  EXPECT_EQ(error("POST", "/api/chat", "", 400), "missing request body");
  EXPECT_EQ(error("POST", "/api/chat", "{}", 400), "model is required");
  EXPECT_THAT(
      error("POST", "/api/generate", R"({"model": "tiny", "prompt": "a", "suffix": "b"})", 400),
      HasSubstr("\"tiny\" does not support insert"));
}

TEST(Ollama, OfNoTextsThereAreNoVectors) {
  const TestServer server;
  EXPECT_EQ(json_of(server.post("/api/embed", R"({"model": "tiny", "input": []})"))["embeddings"],
            Json::array());
  EXPECT_EQ(
      json_of(server.post("/api/embeddings", R"({"model": "tiny", "prompt": ""})"))["embedding"],
      Json::array());
}

TEST(Ollama, AtItsOwnPortTheServerSaysThatItRuns) {
  HttpServerOptions http;
  http.addresses = {{"127.0.0.1", 0}, {"127.0.0.1", 0}};
  AppOptions options;
  options.ollama_port = 11434;
  const TestServer server(options, http);
  const Reply own =
      server.raw("GET / HTTP/1.1\r\nhost: localhost:11434\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(own.body, "Ollama is running");
  EXPECT_THAT(server.get("/").body, HasSubstr("<!"));
  options.web.enabled = false;
  const TestServer bare(options);
  EXPECT_EQ(bare.ask("HEAD", "/").status, 200);
  EXPECT_EQ(bare.get("/").status, 404);
}

TEST(Gate, PagesOfThisMachineMayBeLetIn) {
  GateOptions options;
  options.cors_origins = {"localhost"};
  const Gate gate(options);
  const auto allows = [&](const std::string& origin) {
    HttpRequest request;
    request.headers = {{"host", "localhost"}, {"origin", origin}};
    return !gate.cors_headers(request).empty();
  };
  for (const char* origin : {"http://localhost", "http://localhost:8080", "https://127.0.0.1:3000",
                             "http://[::1]", "http://[::1]:3000"})
    EXPECT_TRUE(allows(origin)) << origin;
  for (const char* origin :
       {"http://web.mydomain.fr", "http://notlocalhost", "null", "http://localhost.evil.com"})
    EXPECT_FALSE(allows(origin)) << origin;
}

}  // namespace
}  // namespace quire::server
