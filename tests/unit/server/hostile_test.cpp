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
                            "\"logit_bias\": {\"x\": \"y\"}",
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

TEST_F(Hostile, FormsThatGrowWithoutEndAre400) {
  const std::string many(200'000, 'a');
  std::string choices = "\"x\"";
  for (int i = 0; i < 5000; ++i) choices += ",\"" + std::to_string(i) + "\"";
  const std::string forms[] = {
      R"("grammar": "root ::= \"a\"{1000000000}")",
      R"("grammar": "root ::= (\"a\"{1000}){1000}{1000}")",
      R"("grammar": "root ::= root root")",
      R"("grammar": "root ::= nowhere")",
      R"("guided_regex": "(a{1000}){1000}{1000}")",
      R"("guided_regex": "(?=a)b")",
      R"("guided_regex": "[z-a]")",
      R"("json_schema": {"type": "string", "minLength": 1000000000})",
      R"("json_schema": {"type": "array", "items": {"type": "null"}, "minItems": 1000000000})",
      R"("json_schema": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})",
      R"("json_schema": {"$ref": "http://169.254.169.254/latest"})",
      R"("json_schema": {"type": "integer", "minimum": 5, "maximum": 4})",
      R"("json_schema": [])",
      R"("structured_outputs": 3)",
      "\"guided_choice\": [" + choices + "]",
      R"("grammar": "root ::= \"a\"", "json_schema": {"type": "null"})"};
  for (const std::string& form : forms)
    EXPECT_EQ(status_of("{\"prompt\": \"a\", \"max_tokens\": 1, " + form + "}"), 400)
        << form.substr(0, 100);
  EXPECT_EQ(status_of("{\"prompt\": \"a\", \"stop\": [\"" + many + "\", 3]}"), 400);
}

TEST_F(Hostile, FieldsOfEveryApiHaveLimits) {
  struct Case {
    const char* path;
    std::string body;
  };
  const std::string chat = R"("messages": [{"role": "user", "content": "a"}])";
  const Case cases[] = {
      {"/completion", R"({"prompt": "a", "n_predict": -3})"},
      {"/completion", R"({"prompt": "a", "n_probs": 1000000000})"},
      {"/completion", R"({"prompt": "a", "n_keep": -2})"},
      {"/completion", R"({"prompt": "a", "t_max_predict_ms": 1e30})"},
      {"/completion", R"({"prompt": "a", "id_slot": -2})"},
      {"/completion", R"({"prompt": "a", "response_fields": [[]]})"},
      {"/completion", R"({"prompt": "a", "cache_prompt": "maybe"})"},
      {"/completion", R"({"prompt": [["a", {"prompt_string": "b"}]]})"},
      {"/completion", R"({"prompt": {"prompt_string": 5}})"},
      {"/infill", R"({"input_prefix": 3})"},
      {"/tokenize", R"({"content": {}})"},
      {"/tokenize", R"({"content": [99999999]})"},
      {"/detokenize", R"({"tokens": [-1]})"},
      {"/detokenize", R"({"tokens": [[1]]})"},
      {"/apply-template", R"({"messages": [{"role": "user"}, 3]})"},
      {"/apply-template", R"({"messages": "x"})"},
      {"/embedding", R"({"content": []})"},
      {"/embedding", R"({"content": "a", "embd_normalize": 3})"},
      {"/v1/embeddings", R"({"input": "a", "dimensions": -1})"},
      {"/v1/embeddings", R"({"input": "a", "encoding_format": "hex"})"},
      {"/v1/chat/completions", "{" + chat + R"(, "top_logprobs": 3})"},
      {"/v1/chat/completions", "{" + chat + R"(, "tools": [{"function": {}}]})"},
      {"/v1/chat/completions", "{" + chat + R"(, "tool_choice": "perhaps"})"},
      {"/v1/chat/completions", "{" + chat + R"(, "tool_choice": {"function": {"name": "f"}}})"},
      {"/v1/chat/completions", "{" + chat + R"(, "response_format": {"type": "sound"}})"},
      {"/v1/chat/completions", "{" + chat + R"(, "reasoning_format": "loud"})"},
      {"/v1/chat/completions", "{" + chat + R"(, "thinking_budget_tokens": -5})"},
      {"/v1/chat/completions", "{" + chat + R"(, "stream": true, "stream_options": 1})"},
      {"/v1/chat/completions", R"({"messages": [{"role": "", "content": "a"}]})"},
      {"/v1/chat/completions",
       R"({"messages": [{"role": "user", "content": [{"type": "image_url",
           "image_url": {"url": "http://169.254.169.254/"}}]}]})"},
      {"/v1/responses", R"({"input": 5})"},
      {"/v1/responses", R"({"input": "a", "max_output_tokens": 0})"},
      {"/v1/messages", "{" + chat + R"(, "max_tokens": 0})"},
      {"/v1/messages", "{" + chat + R"(, "max_tokens": 1, "temperature": 3})"},
      {"/v1/messages", "{" + chat + R"(, "max_tokens": 1, "thinking": {"type": "much"}})"},
      {"/v1/messages",
       R"({"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "image",
           "source": {"type": "url", "url": "http://127.0.0.1/"}}]}]})"},
      {"/api/chat", R"({"model": "tiny", "messages": 3})"},
      {"/api/chat", "{\"model\": \"tiny\", " + chat + R"(, "options": {"num_predict": -3}})"},
      {"/api/chat", "{\"model\": \"tiny\", " + chat + R"(, "format": "xml"})"},
      {"/api/generate", R"({"model": "tiny", "prompt": "a", "options": {"num_ctx": -1}})"},
      {"/api/generate", R"({"model": "tiny", "prompt": "a", "context": [99999999]})"},
      {"/api/generate", R"({"model": "tiny", "prompt": "a", "images": ["aGk="]})"},
      {"/api/show", R"({"model": ["tiny"]})"},
      {"/api/embed", R"({"model": "tiny", "input": {}})"}};
  for (const Case& one : cases) {
    const Reply reply = server().post(one.path, one.body);
    EXPECT_EQ(reply.status, 400) << one.path << " " << one.body << " " << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("error"));
  }
}

TEST_F(Hostile, NamesAndDigestsLeadNowhereElse) {
  for (const char* path :
       {"/api/blobs/sha256:../../../etc/passwd", "/api/blobs/..%2f..%2fetc%2fpasswd",
        "/api/blobs/sha256:0123", "/v1/models/..%2f..%2fetc%2fpasswd", "/assets/..%2findex.html",
        "/assets/%2e%2e/%2e%2e/etc/passwd", "/v1/models/%00", "/v1/models/%ff%fe"})
    for (const char* method : {"GET", "POST", "HEAD"}) {
      const int status = server().ask(method, path).status;
      EXPECT_TRUE(status >= 400 && status < 502) << method << " " << path << " " << status;
    }
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "a/../../b", "\\u0000", "http://x/y"})
    EXPECT_GE(
        server()
            .post("/v1/completions", std::string(R"({"prompt": "a", "model": ")") + name + "\"}")
            .status,
        400)
        << name;
}

TEST_F(Hostile, BodiesThatLieAboutTheirLengthAreRefused) {
  const std::string head = "POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n";
  for (const char* lie :
       {"content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        "transfer-encoding: chunked\r\n\r\n-5\r\nabc\r\n",
        "transfer-encoding: chunked\r\n\r\nzz\r\n", "transfer-encoding: gzip\r\n\r\nabc",
        "content-length: 0x10\r\n\r\n{}", "content-length: +2\r\n\r\n{}"}) {
    const Reply reply = server().raw(head + lie);
    EXPECT_TRUE(reply.status >= 400 && reply.status < 502) << lie << " " << reply.status;
  }
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
