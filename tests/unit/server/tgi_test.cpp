// text-generation-inference's API, as huggingface_hub's InferenceClient uses it.
#include "support.h"

#include "server/json.h"

#include <gmock/gmock.h>

namespace quire::server {
namespace {

using testing::HasSubstr;

Json json_reply(const TestServer& server, const std::string& path, const std::string& body,
                int status = 200) {
  const Reply reply = server.post(path, body);
  EXPECT_EQ(reply.status, status) << reply.body;
  return Json::parse(reply.body, nullptr, false);
}

std::vector<Json> stream_of(const TestServer& server, const std::string& path,
                            const std::string& body) {
  const Reply reply = server.post(path, body);
  EXPECT_EQ(reply.status, 200) << reply.body;
  std::vector<Json> events;
  for (size_t at = reply.body.find("data: "); at != std::string::npos;
       at = reply.body.find("data: ", at + 1))
    events.push_back(Json::parse(reply.body.substr(at + 6, reply.body.find('\n', at) - at - 6)));
  return events;
}

const std::string asked = R"("inputs": "Once upon a time there was")";

TEST(Tgi, ATextIsContinuedGreedilyUnlessSaidOtherwise) {
  const TestServer server;
  const std::string body = "{" + asked + R"(, "parameters": {"max_new_tokens": 6}})";
  const Json one = json_reply(server, "/generate", body);
  EXPECT_FALSE(one.contains("details"));
  EXPECT_EQ(one["generated_text"], json_reply(server, "/generate", body)["generated_text"]);
  const Json full = json_reply(
      server, "/generate",
      "{" + asked + R"(, "parameters": {"max_new_tokens": 6, "return_full_text": true}})");
  EXPECT_EQ(full["generated_text"].get<std::string>(),
            "Once upon a time there was" + one["generated_text"].get<std::string>());
  const Json array = json_reply(server, "/", body);
  ASSERT_TRUE(array.is_array());
  EXPECT_EQ(array[0], one);
}

TEST(Tgi, DetailsTellTokensOfThePromptAndTheAnswer) {
  const TestServer server;
  const Json answer = json_reply(
      server, "/generate",
      "{" + asked + R"(, "parameters": {"max_new_tokens": 4, "details": true, "top_n_tokens": 2,
                        "decoder_input_details": true, "seed": 7}})");
  const Json& details = answer["details"];
  EXPECT_EQ(details["finish_reason"], "length");
  EXPECT_EQ(details["generated_tokens"], 4);
  EXPECT_EQ(details["seed"], 7);
  ASSERT_EQ(details["tokens"].size(), 4U);
  std::string text;
  for (const Json& token : details["tokens"]) {
    text += token["text"].get<std::string>();
    EXPECT_LE(token["logprob"], 0);
    EXPECT_EQ(token["special"], false);
  }
  EXPECT_EQ(Json(text), answer["generated_text"]);
  ASSERT_EQ(details["top_tokens"].size(), 4U);
  EXPECT_EQ(details["top_tokens"][0].size(), 2U);
  EXPECT_EQ(details["top_tokens"][0][0]["id"], details["tokens"][0]["id"]) << "greedy";
  EXPECT_EQ(details["prefill"].size(), details["input_length"].get<size_t>());
  EXPECT_TRUE(details["prefill"][0]["logprob"].is_null());
  EXPECT_LE(details["prefill"][1]["logprob"], 0);
}

TEST(Tgi, AStreamHasAnEventForEachTokenAndEndsWithTheText) {
  const TestServer server;
  const std::string body =
      "{" + asked + R"(, "stream": true, "parameters": {"max_new_tokens": 5}})";
  const Json whole = json_reply(server, "/generate", body);
  for (const char* path : {"/generate_stream", "/"}) {
    const auto events = stream_of(server, path, body);
    ASSERT_EQ(events.size(), 5U) << path;
    std::string text;
    for (size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i]["index"], i + 1);
      text += events[i]["token"]["text"].get<std::string>();
      EXPECT_EQ(events[i]["generated_text"].is_null(), i + 1 < events.size());
      EXPECT_EQ(events[i]["details"].is_null(), i + 1 < events.size());
    }
    EXPECT_EQ(Json(text), whole["generated_text"]);
    EXPECT_EQ(events.back()["generated_text"], whole["generated_text"]);
    EXPECT_EQ(events.back()["details"]["generated_tokens"], 5);
  }
}

TEST(Tgi, AStopSequenceEndsTheTextAndStandsInIt) {
  const TestServer server;
  const std::string stop =
      R"(, "parameters": {"max_new_tokens": 40, "stop": ["e"], "details": true}})";
  const Json answer = json_reply(server, "/generate", "{" + asked + stop);
  EXPECT_THAT(answer["generated_text"].get<std::string>(), testing::EndsWith("e"));
  EXPECT_EQ(answer["details"]["finish_reason"], "stop_sequence");
  const auto events = stream_of(server, "/generate_stream", "{" + asked + stop);
  EXPECT_EQ(events.back()["generated_text"], answer["generated_text"]);
}

TEST(Tgi, AGrammarIsKeptTo) {
  const TestServer server;
  const Json answer =
      json_reply(server, "/generate", "{" + asked + R"(, "parameters": {"max_new_tokens": 30,
                        "grammar": {"type": "regex", "value": "[0-9]{3}"}}})");
  EXPECT_THAT(answer["generated_text"].get<std::string>(),
              testing::MatchesRegex("[0-9][0-9][0-9]"));
  const Json object =
      json_reply(server, "/generate",
                 "{" + asked + R"(, "parameters": {"max_new_tokens": 60, "grammar": {"type": "json",
        "value": {"type": "object", "properties": {"ok": {"type": "boolean"}},
                  "required": ["ok"], "additionalProperties": false}}}})");
  const Json parsed = Json::parse(object["generated_text"].get<std::string>(), nullptr, false);
  EXPECT_TRUE(parsed["ok"].is_boolean()) << object;
}

TEST(Tgi, WhatIsCutIsSaid) {
  const TestServer server;
  const Reply reply = server.post(
      "/generate", "{" + asked + R"(, "parameters": {"truncate": 3, "max_new_tokens": 1}})");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.head, HasSubstr("x-quire-dropped-tokens: "));
}

TEST(Tgi, ErrorsHaveItsForm) {
  const TestServer server;
  for (const char* body :
       {"{}", R"({"inputs": 3.5})", R"({"inputs": "a", "parameters": {"temperature": -1}})",
        R"({"inputs": "a", "parameters": {"watermark": true}})",
        R"({"inputs": "a", "parameters": {"best_of": 2}})",
        R"({"inputs": "a", "parameters": {"adapter_id": "x"}})",
        R"({"inputs": "a", "parameters": {"max_new_tokens": -1}})",
        R"({"inputs": "a", "parameters": {"grammar": {"type": "xml", "value": ""}}})",
        R"({"inputs": "a", "parameters": {"grammar": {"type": "regex"}}})"}) {
    const Json error = json_reply(server, "/generate", body, 400);
    EXPECT_TRUE(error["error"].is_string()) << body;
    EXPECT_EQ(error["error_type"], "validation") << body;
  }
}

TEST(Tgi, InfoTellsTheModelAndItsLimits) {
  const TestServer server;
  const Json info = Json::parse(server.get("/info").body);
  EXPECT_EQ(info["model_id"], "tiny");
  EXPECT_EQ(info["max_total_tokens"], 256);
  EXPECT_EQ(info["model_pipeline_tag"], "text-generation");
}

}  // namespace
}  // namespace quire::server
