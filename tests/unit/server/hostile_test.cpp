// Whatever comes through the socket: one clear refusal, and the server lives on.
#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::server {
namespace {

using testing::HasSubstr;

TestServer& server() {
  static TestServer instance = [] {
    HttpServerOptions options;
    options.limits.header_timeout_s = 0.2;
    options.limits.body_timeout_s = 0.2;
    return TestServer(AppOptions(), options);
  }();
  return instance;
}

// Status of a completion with this body.
int status_of(const std::string& body) { return server().post("/v1/completions", body).status; }

class Hostile : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(server().get("/health").status, 200); }
};

TEST_F(Hostile, AHeaderThatDoesNotEndIs431) {
  std::string text = "GET / HTTP/1.1\r\nhost: localhost\r\n";
  for (int i = 0; i < 20000; ++i)
    text += "x-" + std::to_string(i) + ": aaaaaaaaaaaaaaaaaaaaaaaa\r\n";
  const Reply reply = server().raw(text);
  EXPECT_EQ(reply.status, 431);
  EXPECT_THAT(reply.body, HasSubstr("--max-header-bytes"));
}

TEST_F(Hostile, ASlowHeaderIs408) {
  EXPECT_EQ(server().raw("GET / HTTP/1.1\r\nhost: loc").status, 408);
}

TEST_F(Hostile, ASlowBodyIs408) {
  EXPECT_EQ(server()
                .raw("POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n"
                     "content-length: 100\r\n\r\n{")
                .status,
            408);
}

TEST_F(Hostile, ABodyThatIsTooLargeIs413BeforeItComes) {
  const Reply reply = server().raw(
      "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n");
  EXPECT_EQ(reply.status, 413);
}

TEST_F(Hostile, WhatIsNoHttpIs400) {
  EXPECT_EQ(server().raw("\x16\x03\x01\x02 nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(server().raw("GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n").status,
            400);
}

TEST_F(Hostile, DeepJsonIs400) {
  EXPECT_EQ(status_of(std::string(100'000, '[')), 400);
  EXPECT_EQ(status_of("{\"prompt\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"),
            400);
}

TEST_F(Hostile, JsonThatIsNoneIs400) {
  for (const char* body :
       {"", "null", "[]", "\"x\"", "{", "{\"prompt\": }", "{\"prompt\": \"\xff\xfe\"}",
        "{\"prompt\": \"a\"} {}", "{\"prompt\": \"a\", \"prompt\": \"b\"}"})
    EXPECT_EQ(status_of(body), 400) << body;
}

TEST_F(Hostile, NumbersOutOfRangeAre400) {
  for (const char* field : {"\"max_tokens\": -7",
                            "\"max_tokens\": 1e300",
                            "\"max_tokens\": 99999999999999999999",
                            "\"max_tokens\": \"5\"",
                            "\"max_tokens\": 1.5",
                            "\"n\": 0",
                            "\"n\": 1000000",
                            "\"temperature\": -1",
                            "\"temperature\": 1e39",
                            "\"top_p\": 2",
                            "\"logprobs\": 10000",
                            "\"logit_bias\": {\"-1\": 3}",
                            "\"logit_bias\": {\"99999999\": 3}",
                            "\"seed\": \"x\"",
                            "\"logit_bias\": {\"x\": 3}",
                            "\"logit_bias\": 3",
                            "\"stop\": 5",
                            "\"stop\": [1]",
                            "\"stream\": \"yes\"",
                            "\"repeat_last_n\": -2",
                            "\"samplers\": [\"nonsense\"]"}) {
    const Reply reply =
        server().post("/v1/completions", std::string("{\"prompt\": \"a\", ") + field + "}");
    EXPECT_EQ(reply.status, 400) << field << " " << reply.body;
  }
}

TEST_F(Hostile, PromptsThatAreNoneAre400) {
  for (const char* prompt : {"{}", "[]", "[{}]", "[-1]", "[99999999]", "[1.5]", "true"})
    EXPECT_EQ(status_of(std::string("{\"prompt\": ") + prompt + "}"), 400) << prompt;
}

TEST_F(Hostile, APromptLongerThanTheContextIs400WithBothCounts) {
  std::string prompt;
  for (int i = 0; i < 1000; ++i) prompt += "dog ";
  const Reply reply = server().post("/v1/completions", "{\"prompt\": \"" + prompt + "\"}");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("context_length_exceeded"));
  EXPECT_THAT(reply.body, HasSubstr("\"n_ctx\":256"));
}

TEST_F(Hostile, AGrammarThatCannotBeReadIs400) {
  const std::string open = std::string(60'000, '(');
  EXPECT_EQ(status_of("{\"prompt\": \"a\", \"grammar\": \"root ::= " + open + "\"}"), 400);
  EXPECT_EQ(status_of("{\"prompt\": \"a\", \"guided_regex\": \"" + open + "\"}"), 400);
  EXPECT_EQ(status_of("{\"prompt\": \"a\", \"json_schema\": {\"type\": \"nonsense\"}}"), 400);
}

TEST_F(Hostile, UnknownPathsAndMethodsAreNamed) {
  EXPECT_EQ(server().get("/nonsense").status, 404);
  EXPECT_EQ(server().get("/v1/../etc/passwd").status, 404);
  const Reply reply = server().get("/v1/chat/completions");
  EXPECT_EQ(reply.status, 405);
  EXPECT_THAT(reply.head, HasSubstr("allow: post"));
}

TEST_F(Hostile, AClientThatLeavesStopsItsAnswer) {
  const int fd = server().connect();
  const std::string body =
      R"({"prompt": "Once", "max_tokens": 200, "ignore_eos": true, "stream": true})";
  TestServer::put(fd, "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: " +
                          std::to_string(body.size()) + "\r\n\r\n" + body);
  char first = 0;
  ASSERT_EQ(::recv(fd, &first, 1, 0), 1);
  ::close(fd);
  // The next answer comes although the first would have taken the engine for long.
  EXPECT_EQ(status_of(R"({"prompt": "Once", "max_tokens": 2})"), 200);
}

}  // namespace
}  // namespace quire::server
