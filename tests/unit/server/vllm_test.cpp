// What vLLM's clients and dashboards ask for beside the APIs of others: searches, lists of allowed
// tokens, /pooling and /classify, roles of one's own, metrics under its names.
#include "support.h"

#include "base/sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <set>

namespace quire::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string encoders = QUIRE_SOURCE_DIR "/tests/golden/encoder/";

TestServer& vllm_server() {
  // OpenSSL cleans up at exit; begun before the server, it does so when the server's threads are
  // gone.
  static const std::string first = sha256_of("");
  static TestServer instance({}, {},
                             {QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf", encoders + "bert.gguf",
                              encoders + "bert-rank.gguf"});
  return instance;
}

json answer_of(const std::string& path, const json& body) {
  const Reply reply = vllm_server().post(path, body.dump());
  EXPECT_EQ(reply.status, 200) << path << body << reply.body;
  return json::parse(reply.body);
}

std::string refusal(const std::string& path, const json& body) {
  const Reply reply = vllm_server().post(path, body.dump());
  EXPECT_EQ(reply.status, 400) << path << body << reply.body;
  return reply.body;
}

json completion(json more) {
  json body = {{"prompt", "Once upon a time there was a"}, {"max_tokens", 5}, {"temperature", 0}};
  body.update(more);
  return body;
}

double sum_of_logprobs(const json& choice) {
  double sum = 0;
  for (const double x : choice["logprobs"]["token_logprobs"]) sum += x;
  return sum;
}

TEST(BeamSearch, GivesDifferentAnswersTheLikeliestFirstAndTheSameTwice) {
  const json asked = completion({{"prompt", {"Once upon a", "Once upon a"}},
                                 {"n", 2},
                                 {"use_beam_search", true},
                                 {"logprobs", 0}});
  const json choices = answer_of("/v1/completions", asked)["choices"];
  ASSERT_EQ(choices.size(), 4u);
  EXPECT_NE(choices[0]["text"], choices[1]["text"]);
  EXPECT_EQ(choices[0]["text"], choices[2]["text"]);
  EXPECT_EQ(choices[1]["text"], choices[3]["text"]);
  EXPECT_GE(sum_of_logprobs(choices[0]), sum_of_logprobs(choices[1]));
}

TEST(BeamSearch, FindsNothingLessLikelyThanTheGreedyAnswer) {
  const json greedy = answer_of("/v1/completions", completion({{"logprobs", 0}}))["choices"][0];
  const json best = answer_of(
      "/v1/completions",
      completion({{"logprobs", 0}, {"use_beam_search", true}, {"best_of", 8}}))["choices"][0];
  EXPECT_EQ(best["logprobs"]["tokens"].size(), 5u);
  EXPECT_GE(sum_of_logprobs(best), sum_of_logprobs(greedy) - 1e-3);
  const json one = answer_of("/v1/completions", completion({{"use_beam_search", true}}));
  EXPECT_EQ(one["choices"][0]["text"], greedy["text"]);  // of width 1
  EXPECT_EQ(one["usage"]["completion_tokens"], 5);
}

TEST(BeamSearch, AnswersChatsAndStreamsToo) {
  const json chat = {{"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                     {"max_tokens", 4},
                     {"n", 3},
                     {"use_beam_search", true}};
  const json whole = answer_of("/v1/chat/completions", chat);
  std::set<std::string> texts;
  for (const json& choice : whole["choices"])
    texts.insert(choice["message"]["content"].get<std::string>());
  EXPECT_EQ(texts.size(), 3u);
  EXPECT_EQ(whole["usage"]["completion_tokens"], 12);
  json stream = chat;
  stream["stream"] = true;
  const std::string events = vllm_server().post("/v1/chat/completions", stream.dump()).body;
  EXPECT_THAT(events, HasSubstr(R"("index":2)"));
  EXPECT_THAT(events, HasSubstr("data: [DONE]"));
  EXPECT_THAT(vllm_server()
                  .post("/v1/completions",
                        completion({{"n", 2}, {"use_beam_search", true}, {"stream", true}}).dump())
                  .body,
              HasSubstr(R"("finish_reason":"length")"));
}

TEST(BeamSearch, LongerAnswersWinWhereThePenaltyOfLengthIsHigh) {
  const auto tokens = [](double penalty) {
    return answer_of("/v1/completions",
                     completion({{"max_tokens", 60},
                                 {"use_beam_search", true},
                                 {"best_of", 3},
                                 {"length_penalty", penalty}}))["usage"]["completion_tokens"]
        .get<int>();
  };
  EXPECT_LE(tokens(-10), tokens(10));
  EXPECT_EQ(tokens(10), 60);
}

TEST(BeamSearch, SaysWhatItCannotDo) {
  const auto refused = [](json more) {
    more["use_beam_search"] = true;
    return refusal("/v1/completions", completion(more));
  };
  EXPECT_THAT(refused({{"stop", "x"}}), HasSubstr("stop and use_beam_search"));
  EXPECT_THAT(refused({{"guided_regex", "a+"}}), HasSubstr("guided_regex"));
  EXPECT_THAT(refused({{"logit_bias", {{"5", 1}}}}), HasSubstr("logit_bias"));
  EXPECT_THAT(refused({{"n", 3}, {"best_of", 2}}), HasSubstr("best_of"));
  EXPECT_THAT(refused({{"best_of", 1000}}), HasSubstr("best_of"));
  EXPECT_THAT(refused({{"length_penalty", 1e9}}), HasSubstr("length_penalty"));
  EXPECT_THAT(refused({{"length_penalty", "x"}}), HasSubstr("length_penalty"));
  EXPECT_THAT(refused({{"echo", true}, {"logprobs", 1}}), HasSubstr("echo"));
  EXPECT_THAT(refusal("/v1/completions", completion({{"use_beam_search", "yes"}})),
              HasSubstr("use_beam_search"));
}

TEST(AllowedTokenIds, NoOthersAreDrawn) {
  const json body = completion({{"allowed_token_ids", {500, 501, 502}},
                                {"return_token_ids", true},
                                {"temperature", 1},
                                {"seed", 3},
                                {"max_tokens", 20}});
  const json ids = answer_of("/v1/completions", body)["choices"][0]["token_ids"];
  ASSERT_EQ(ids.size(), 20u);
  for (const int id : ids) EXPECT_TRUE(id >= 500 && id <= 502) << id;
  for (const json& bad : {json::array(), json{-1}, json{1 << 20}, json{"x"}, json("x")})
    EXPECT_THAT(refusal("/v1/completions", completion({{"allowed_token_ids", bad}})),
                HasSubstr("allowed_token_ids"));
}

TEST(LabelScores, AreProbabilitiesOfTheNextToken) {
  const json asked = {{"model", "tales"},
                      {"query", "Once upon a"},
                      {"items", {" time", " dog"}},
                      {"label_token_ids", {500, 501, 502}}};
  const json some = answer_of("/v1/score", asked)["scores"];
  ASSERT_EQ(some.size(), 2u);
  EXPECT_NE(some[0], some[1]);
  json whole = asked;
  whole["apply_softmax"] = true;
  const json all = answer_of("/v1/score", whole)["scores"];
  for (const json& scores : all) {
    double sum = 0;
    for (const double score : scores) sum += score;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
  const json own = answer_of("/v1/completions", {{"model", "tales"},
                                                 {"prompt", "Once upon a dog"},
                                                 {"max_tokens", 1},
                                                 {"temperature", 0},
                                                 {"logprobs", 0},
                                                 {"return_token_ids", true}});
  json one = asked;
  one["items"] = " dog";
  one["label_token_ids"] = own["choices"][0]["token_ids"];
  EXPECT_NEAR(std::log(answer_of("/v1/score", one)["scores"][0][0].get<double>()),
              own["choices"][0]["logprobs"]["token_logprobs"][0].get<double>(), 1e-3);
  for (const char* name : {"query", "label_token_ids"}) {
    json less = asked;
    less.erase(name);
    EXPECT_THAT(refusal("/v1/score", less), HasSubstr(name));
  }
  one["label_token_ids"] = {999999};
  EXPECT_THAT(refusal("/v1/score", one), HasSubstr("999999 is out of vocabulary"));
  one["label_token_ids"] = {5};
  for (const json& items : {json::array(), json(nullptr), json::array({true})}) {
    one["items"] = items;
    refusal("/v1/score", one);
  }
}

TEST(StopReason, SaysWhatEndedAnAnswer) {
  const auto choice = [](json more) {
    return answer_of("/v1/completions", completion(more))["choices"][0];
  };
  const json cut = choice(json::object());
  EXPECT_TRUE(cut["stop_reason"].is_null() && cut["matched_stop"].is_null());
  const json by_text = choice({{"max_tokens", 100}, {"stop", "a"}});
  EXPECT_EQ(by_text["stop_reason"], "a");
  EXPECT_EQ(by_text["matched_stop"], "a");
  const json ids = choice({{"return_token_ids", true}})["token_ids"];
  const json by_token = choice({{"stop_token_ids", {ids[3]}}});
  EXPECT_EQ(by_token["stop_reason"], ids[3]);
  const json by_itself = choice({{"max_tokens", 200}, {"temperature", 0.0}});
  if (by_itself["finish_reason"] == "stop") {
    EXPECT_TRUE(by_itself["stop_reason"].is_null());
    EXPECT_TRUE(by_itself["matched_stop"].is_number());
  }
}

TEST(OwnRoles, AreTakenWhereTheTemplateShowsThem) {
  AppOptions options;
  const auto ask = [](const TestServer& server, const json& content) {
    const json body = {{"messages", {{{"role", "my-custom-role"}, {"content", content}}}},
                       {"max_tokens", 3},
                       {"temperature", 0}};
    return server.post("/v1/chat/completions", body.dump());
  };
  options.models.chat_template = "chatml";
  const TestServer shows(options);
  const Reply text = ask(shows, "what is 1+1?");
  ASSERT_EQ(text.status, 200) << text.body;
  const Reply parts = ask(shows, {{{"type", "text"}, {"text", "what is 1+1?"}}});
  ASSERT_EQ(parts.status, 200) << parts.body;
  EXPECT_EQ(json::parse(text.body)["choices"][0]["message"]["content"],
            json::parse(parts.body)["choices"][0]["message"]["content"]);
  options.models.chat_template =
      "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}";
  const TestServer hides(options);
  const Reply refused = ask(hides, "what is 1+1?");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("shows nothing of such a role"));
  for (const json& role : {json(""), json(std::string(65, 'x')), json(3)}) {
    const json body = {{"messages", {{{"role", role}, {"content", "x"}}}}};
    EXPECT_EQ(shows.post("/v1/chat/completions", body.dump()).status, 400) << role;
  }
}

TEST(ContinuousUsage, RisesWithEveryChunkAndTheLastTextSaysWhyItIsTheLast) {
  const json body = {
      {"messages", {{{"role", "user"}, {"content", "Once upon a time"}}}},
      {"max_tokens", 8},
      {"min_tokens", 8},
      {"temperature", 0},
      {"stream", true},
      {"stream_options", {{"include_usage", true}, {"continuous_usage_stats", true}}}};
  const std::string events = vllm_server().post("/v1/chat/completions", body.dump()).body;
  int64_t last = 0;
  size_t n_choices = 0;
  for (size_t at = 0; (at = events.find("data: {", at)) != std::string::npos; at += 7) {
    const json chunk = json::parse(events.substr(at + 6, events.find('\n', at) - at - 6));
    const int64_t n = chunk["usage"]["completion_tokens"];
    if (chunk["choices"].empty()) {
      EXPECT_EQ(n, last);
    } else {
      EXPECT_TRUE(last == 0 || n > last) << events;
      ++n_choices;
    }
    last = n;
  }
  EXPECT_EQ(last, 8);
  EXPECT_GE(n_choices, 2u);  // text that comes faster than it is read is joined
}

TEST(Pooling, GivesVectorsOfEncodersAndProbabilitiesOfClassifiers) {
  const json input = {"the cat sat", "on the mat"};
  const json vectors = answer_of("/pooling", {{"model", "bert"}, {"input", input}});
  ASSERT_EQ(vectors["data"].size(), 2u);
  EXPECT_EQ(vectors["data"][1]["object"], "pooling");
  EXPECT_EQ(vectors["usage"]["completion_tokens"], 0);
  EXPECT_EQ(
      vectors["data"][0]["data"],
      answer_of("/v1/embeddings", {{"model", "bert"}, {"input", input}})["data"][0]["embedding"]);
  const json scores = answer_of("/pooling", {{"model", "bert-rank"}, {"input", input}});
  for (const json& one : scores["data"]) {
    ASSERT_EQ(one["data"].size(), 1u);
    EXPECT_GT(one["data"][0], 0);
    EXPECT_LT(one["data"][0], 1);
  }
  const json base64 = answer_of(
      "/pooling", {{"model", "bert"}, {"input", "the cat"}, {"encoding_format", "base64"}});
  EXPECT_TRUE(base64["data"][0]["data"].is_string());
}

TEST(Pooling, TakesChatsAsTheirTemplateShowsThem) {
  const json messages = {{{"role", "user"}, {"content", "the cat"}}};
  const json chat = answer_of("/v1/embeddings", {{"model", "tales"}, {"messages", messages}});
  const std::string prompt = answer_of(
      "/apply-template",
      {{"model", "tales"}, {"messages", messages}, {"add_generation_prompt", false}})["prompt"];
  const json text = answer_of("/v1/embeddings", {{"model", "tales"}, {"input", prompt}});
  EXPECT_EQ(chat["data"], text["data"]);
  EXPECT_FALSE(answer_of("/pooling", {{"model", "bert"}, {"messages", messages}})["data"].empty());
  refusal("/v1/embeddings", {{"model", "tales"}, {"messages", messages}, {"input", "x"}});
  refusal("/v1/embeddings", {{"model", "tales"}, {"messages", json::array()}});
}

TEST(Classify, NamesTheLikeliestLabel) {
  const json got = answer_of("/classify", {{"model", "bert-rank"}, {"input", {"a", "the cat"}}});
  ASSERT_EQ(got["data"].size(), 2u);
  EXPECT_EQ(got["data"][1]["index"], 1);
  EXPECT_EQ(got["data"][0]["label"], "LABEL_0");
  EXPECT_EQ(got["data"][0]["num_classes"], 1);
  EXPECT_EQ(got["data"][0]["probs"].size(), 1u);
  EXPECT_TRUE(
      answer_of("/classify", {{"model", "bert-rank"}, {"input", json::array()}})["data"].empty());
  const json cut = answer_of(
      "/classify",
      {{"model", "bert-rank"}, {"input", "the cat sat on the mat"}, {"truncate_prompt_tokens", 4}});
  EXPECT_EQ(cut["usage"]["prompt_tokens"], 4);
}

TEST(Classify, SaysWhatItCannotDoInBothFormsOfErrors) {
  const json error = json::parse(refusal("/classify", {{"model", "bert-rank"}, {"input", ""}}));
  EXPECT_EQ(error["object"], "error");
  EXPECT_EQ(error["message"], error["error"]["message"]);
  EXPECT_EQ(error["code"], 400);
  EXPECT_THAT(refusal("/classify", {{"model", "bert"}, {"input", "a"}}), HasSubstr("no labels"));
  EXPECT_THAT(refusal("/classify", {{"model", "tales"}, {"input", "a"}}), HasSubstr("no labels"));
  EXPECT_THAT(refusal("/classify", {{"model", "bert-rank"}}), HasSubstr("input is missing"));
  EXPECT_THAT(
      refusal("/classify",
              {{"model", "bert-rank"}, {"input", "a"}, {"truncate_prompt_tokens", 1 << 20}}),
      HasSubstr("truncate_prompt_tokens"));
  EXPECT_THAT(refusal("/pooling", {{"model", "bert-rank"}, {"input", "a"}, {"dimensions", 3}}),
              HasSubstr("dimensions"));
  refusal("/pooling", {{"model", "bert"}, {"input", "a"}, {"encoding_format", "hex"}});
}

// The sample of that name, without its labels but for `label`; -1 when there is none.
double sample(const std::string& metrics, const std::string& name, const std::string& label = "") {
  for (size_t at = 0; (at = metrics.find("\n" + name + "{", at)) != std::string::npos; ++at) {
    const std::string line = metrics.substr(at + 1, metrics.find('\n', at + 1) - at - 1);
    if (line.find(label) == line.npos) continue;
    return std::stod(line.substr(line.rfind(' ')));
  }
  return -1;
}

TEST(VllmMetrics, CountRequestsTokensAndTimes) {
  const TestServer server;
  constexpr int n_requests = 3, n_tokens = 6;
  int64_t n_prompt = 0;
  for (int i = 0; i < n_requests; ++i) {
    const Reply reply = server.post(
        "/v1/completions", R"({"prompt": "Hello my name is", "max_tokens": 6, "min_tokens": 6})");
    n_prompt += json::parse(reply.body)["usage"]["prompt_tokens"].get<int64_t>();
  }
  const std::string metrics = server.get("/metrics").body;
  const auto count = [&](const char* name, const char* what = "_count") {
    return sample(metrics, std::string("vllm:") + name + what);
  };
  EXPECT_EQ(count("prompt_tokens", "_total"), n_prompt);
  EXPECT_EQ(count("generation_tokens", "_total"), n_requests * n_tokens);
  EXPECT_EQ(count("time_to_first_token_seconds"), n_requests);
  EXPECT_EQ(count("time_per_output_token_seconds"), n_requests * (n_tokens - 1));
  for (const char* name :
       {"e2e_request_latency_seconds", "request_queue_time_seconds",
        "request_inference_time_seconds", "request_prefill_time_seconds",
        "request_decode_time_seconds", "request_prompt_tokens", "request_generation_tokens",
        "request_params_n", "request_params_max_tokens"})
    EXPECT_EQ(count(name), n_requests) << name;
  EXPECT_EQ(count("request_prompt_tokens", "_sum"), n_prompt);
  EXPECT_EQ(count("request_params_max_tokens", "_sum"), n_requests * n_tokens);
  EXPECT_EQ(count("iteration_tokens_total", "_sum"), n_prompt + n_requests * n_tokens);
  EXPECT_EQ(count("iteration_tokens_total"), n_requests * n_tokens);
  EXPECT_EQ(sample(metrics, "vllm:request_success_total", "length"), n_requests);
  EXPECT_EQ(sample(metrics, "vllm:request_generation_tokens_bucket", "le=\"5\""), 0);
  EXPECT_EQ(sample(metrics, "vllm:request_generation_tokens_bucket", "le=\"10\""), n_requests);
  EXPECT_EQ(sample(metrics, "vllm:request_generation_tokens_bucket", "+Inf"), n_requests);
  EXPECT_EQ(count("num_requests_running", ""), 0);
  EXPECT_THAT(metrics, HasSubstr("vllm:cache_config_info{model_name=\"tiny\",block_size="));
}

}  // namespace
}  // namespace quire::server
