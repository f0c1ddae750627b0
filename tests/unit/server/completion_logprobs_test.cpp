// What /v1/completions says of tokens: probabilities of prompts and answers, ids, the best of
// several.
#include "support.h"

#include "server/json.h"

#include <gmock/gmock.h>

namespace quire::server {
namespace {

using testing::HasSubstr;

Json complete(const TestServer& server, const std::string& fields, int status = 200) {
  const Reply reply = server.post("/v1/completions", "{" + fields + "}");
  EXPECT_EQ(reply.status, status) << reply.body;
  return Json::parse(reply.body, nullptr, false);
}

const std::string asked = R"("prompt": "Once upon a time there was", "temperature": 0, )"
                          R"("ignore_eos": true, )";

TEST(CompletionLogprobs, AnEchoHasThoseOfThePrompt) {
  const TestServer server;
  const Json one = complete(server, asked + R"("max_tokens": 3, "echo": true, "logprobs": 2)");
  const Json& choice = one["choices"][0];
  const Json& lists = choice["logprobs"];
  const auto n_prompt = one["usage"]["prompt_tokens"].get<size_t>();
  ASSERT_EQ(lists["tokens"].size(), n_prompt + 3);
  for (const char* name : {"token_logprobs", "top_logprobs", "text_offset"})
    EXPECT_EQ(lists[name].size(), n_prompt + 3) << name;
  EXPECT_TRUE(lists["token_logprobs"][0].is_null());
  EXPECT_TRUE(lists["top_logprobs"][0].is_null());
  EXPECT_THAT(choice["text"].get<std::string>(), testing::StartsWith("Once upon a time there was"));
  for (size_t i = 1; i < lists["tokens"].size(); ++i) {
    EXPECT_LE(lists["token_logprobs"][i].get<double>(), 0);
    const Json& top = lists["top_logprobs"][i];
    EXPECT_GE(top.size(), 2U);
    EXPECT_LE(top.size(), 3U);
    EXPECT_EQ(top[lists["tokens"][i].get<std::string>()], lists["token_logprobs"][i]);
  }
  // Offsets are where the tokens stand in the text.
  const std::string text = choice["text"];
  for (size_t i = 1; i < lists["tokens"].size(); ++i) {
    const std::string token = lists["tokens"][i];
    EXPECT_EQ(text.substr(lists["text_offset"][i].get<size_t>(), token.size()), token) << i;
  }
}

// What harnesses of language models ask for: a text is scored, nothing is written.
TEST(CompletionLogprobs, ATextIsScoredWithoutAnAnswer) {
  const TestServer server;
  const std::string ids = R"("prompt": [[40, 50, 60, 70], [40, 50, 61, 70]], )";
  const Json two =
      complete(server, ids + R"("max_tokens": 0, "echo": true, "logprobs": 1, "temperature": 0)");
  ASSERT_EQ(two["choices"].size(), 2U);
  for (const Json& choice : two["choices"]) {
    EXPECT_EQ(choice["logprobs"]["tokens"].size(), 4U);
    EXPECT_TRUE(choice["logprobs"]["token_logprobs"][0].is_null());
  }
  const auto at = [&](size_t i, size_t k) {
    return two["choices"][i]["logprobs"]["token_logprobs"][k].get<double>();
  };
  EXPECT_NEAR(at(0, 1), at(1, 1), 1e-4) << "the same token behind the same one";
  EXPECT_NE(at(0, 2), at(1, 2));
}

TEST(CompletionLogprobs, APromptIsScoredAsItWouldBeAnswered) {
  const TestServer server;
  const Json answered =
      complete(server, asked + R"("max_tokens": 4, "logprobs": 0, "return_token_ids": true)");
  const Json& first = answered["choices"][0];
  Json prompt = first["prompt_token_ids"];
  const size_t n_prompt = prompt.size();
  for (const Json& id : first["token_ids"]) prompt.push_back(id);
  const Json scored = complete(server, R"("prompt": )" + prompt.dump() +
                                           R"(, "max_tokens": 0, "echo": true, "logprobs": 0)");
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(scored["choices"][0]["logprobs"]["token_logprobs"][n_prompt + i].get<double>(),
                first["logprobs"]["token_logprobs"][i].get<double>(), 2e-2)
        << i;
}

TEST(CompletionLogprobs, PromptLogprobsNameIdsAndRanks) {
  const TestServer server;
  const Json answer = complete(server, asked + R"("max_tokens": 1, "prompt_logprobs": 2)");
  const Json& places = answer["choices"][0]["prompt_logprobs"];
  EXPECT_EQ(places.size(), answer["usage"]["prompt_tokens"].get<size_t>());
  EXPECT_TRUE(places[0].is_null());
  for (size_t i = 1; i < places.size(); ++i) {
    EXPECT_GE(places[i].size(), 2U);
    EXPECT_LE(places[i].size(), 3U);
    bool likeliest = false;
    for (const auto& [id, entry] : places[i].items()) {
      EXPECT_GE(entry["rank"], 1);
      EXPECT_LE(entry["logprob"], 0);
      EXPECT_TRUE(entry["decoded_token"].is_string());
      likeliest |= entry["rank"] == 1;
    }
    EXPECT_TRUE(likeliest);
  }
  EXPECT_TRUE(answer["choices"][0]["logprobs"].is_null());
  complete(server, asked + R"("prompt_logprobs": 2, "stream": true)", 400);
  complete(server, asked + R"("prompt_logprobs": 1000)", 400);
}

TEST(CompletionLogprobs, AStreamSaysThePromptFirstAndOffsetsGoOn) {
  const TestServer server;
  const Reply reply =
      server.post("/v1/completions",
                  "{" + asked + R"("max_tokens": 5, "echo": true, "logprobs": 1, "stream": true})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  std::string text;
  Json lists = {{"tokens", Json::array()}, {"text_offset", Json::array()}};
  for (size_t at = reply.body.find("data: {"); at != std::string::npos;
       at = reply.body.find("data: {", at + 1)) {
    const Json chunk = Json::parse(reply.body.substr(at + 6, reply.body.find('\n', at) - at - 6));
    const Json& choice = chunk["choices"][0];
    text += choice["text"].get<std::string>();
    for (const char* name : {"tokens", "text_offset"})
      for (const Json& one : choice["logprobs"][name]) lists[name].push_back(one);
  }
  EXPECT_THAT(text, testing::StartsWith("Once upon a time there was"));
  for (size_t i = 1; i < lists["tokens"].size(); ++i) {
    const std::string token = lists["tokens"][i];
    EXPECT_EQ(text.substr(lists["text_offset"][i].get<size_t>(), token.size()), token) << i;
  }
}

TEST(CompletionLogprobs, TokensMayGoByTheirIds) {
  const TestServer server;
  const Json answer =
      complete(server, asked + R"("max_tokens": 2, "logprobs": 1, "return_token_ids": true,
                                  "return_tokens_as_token_ids": true)");
  const Json& choice = answer["choices"][0];
  EXPECT_EQ(choice["logprobs"]["tokens"][0],
            "token_id:" + std::to_string(choice["token_ids"][0].get<int>()));
}

TEST(CompletionLogprobs, TheBestOfSeveralIsTheLikeliest) {
  const TestServer server;
  const std::string several = R"("prompt": "Once upon a time", "temperature": 1.5, "seed": 3,
      "max_tokens": 6, "ignore_eos": true, "logprobs": 0, )";
  const auto mean = [](const Json& choice) {
    double sum = 0;
    for (const Json& one : choice["logprobs"]["token_logprobs"]) sum += one.get<double>();
    return sum;
  };
  const Json all = complete(server, several + R"("n": 5)");
  double best = -1e9;
  for (const Json& choice : all["choices"]) best = std::max(best, mean(choice));
  const Json chosen = complete(server, several + R"("best_of": 5)");
  ASSERT_EQ(chosen["choices"].size(), 1U);
  EXPECT_NEAR(mean(chosen["choices"][0]), best, 1e-3);
  EXPECT_EQ(chosen["choices"][0]["index"], 0);
  EXPECT_EQ(chosen["usage"]["completion_tokens"], 30) << "what was made is counted";
  const Json two = complete(server, several + R"("n": 2, "best_of": 4)");
  ASSERT_EQ(two["choices"].size(), 2U);
  EXPECT_GE(mean(two["choices"][0]), mean(two["choices"][1]));
  EXPECT_THAT(complete(server, several + R"("n": 3, "best_of": 2)", 400)["error"]["message"],
              HasSubstr("best_of is 2, fewer than the 3"));
  complete(server, several + R"("best_of": 3, "stream": true)", 400);
  complete(server, several + R"("best_of": 1000)", 400);
}

TEST(CompletionLogprobs, StopTokensAndALeastLengthAreKeptTo) {
  const TestServer server;
  const Json whole = complete(server, asked + R"("max_tokens": 6, "return_token_ids": true)");
  const Json third = whole["choices"][0]["token_ids"][2];
  const std::string stop = R"("max_tokens": 6, "stop_token_ids": [)" + third.dump() + "]";
  const Json ended = complete(server, asked + stop + R"(, "return_token_ids": true)");
  EXPECT_EQ(ended["choices"][0]["finish_reason"], "stop");
  EXPECT_LE(ended["choices"][0]["token_ids"].size(), 2U);
  const Json longer =
      complete(server, asked + stop + R"(, "min_tokens": 5, "return_token_ids": true)");
  EXPECT_GE(longer["choices"][0]["token_ids"].size(), 5U);
  complete(server, asked + R"("stop_token_ids": [-1])", 400);
  complete(server, asked + R"("stop_token_ids": [99999999])", 400);
  complete(server, asked + R"("stop_token_ids": ["a"])", 400);
  complete(server, asked + R"("min_tokens": -1)", 400);
}

TEST(CompletionLogprobs, ChatsHaveThoseOfTheirPromptsAndIdsForNames) {
  const TestServer server;
  const std::string chat = R"({"messages": [{"role": "user", "content": "Once upon a time"}],
      "max_tokens": 2, "temperature": 0)";
  const auto ask = [&](const std::string& more, int status = 200) {
    const Reply reply = server.post("/v1/chat/completions", chat + more + "}");
    EXPECT_EQ(reply.status, status) << reply.body;
    return Json::parse(reply.body, nullptr, false);
  };
  const Json told = ask(R"(, "prompt_logprobs": 1)");
  EXPECT_EQ(told["prompt_logprobs"].size(), told["usage"]["prompt_tokens"].get<size_t>());
  EXPECT_TRUE(told["prompt_logprobs"][0].is_null());
  EXPECT_TRUE(ask("")["prompt_logprobs"].is_null());
  ask(R"(, "prompt_logprobs": 1, "stream": true)", 400);
  const Json named =
      ask(R"(, "logprobs": true, "top_logprobs": 1, "return_tokens_as_token_ids": true)");
  const Json& token = named["choices"][0]["logprobs"]["content"][0];
  EXPECT_EQ(token["token"], "token_id:" + std::to_string(token["id"].get<int>()));
  EXPECT_THAT(token["top_logprobs"][0]["token"].get<std::string>(), HasSubstr("token_id:"));
}

TEST(CompletionLogprobs, AChatThatGoesOnMayShowWhatItGoesOnWith) {
  const TestServer server;
  const std::string chat = R"({"messages": [{"role": "user", "content": "Tell me"},
      {"role": "assistant", "content": "Once upon a"}], "max_tokens": 3, "temperature": 0,
      "add_generation_prompt": false, "continue_final_message": true, "echo": )";
  const auto content = [&](const std::string& echo) {
    const Reply reply = server.post("/v1/chat/completions", chat + echo + "}");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return Json::parse(reply.body)["choices"][0]["message"]["content"].get<std::string>();
  };
  EXPECT_EQ(content("true"), "Once upon a" + content("false"));
}

TEST(Tokenize, TextsOfTokensAreToldWhenAskedFor) {
  const TestServer server;
  const Reply reply =
      server.post("/tokenize", R"({"prompt": "Once upon", "return_token_strs": true})");
  EXPECT_EQ(Json::parse(reply.body)["token_strs"], Json({"<|endoftext|>", "Once", " upon"}))
      << reply.body;
}

}  // namespace
}  // namespace quire::server
