// /v1/responses in the background: asked for while it is made, streamed again, cancelled.
#include "support.h"

#include "server/json.h"

#include <gmock/gmock.h>

namespace quire::server {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string unending = R"({"input": "Once", "background": true, "max_output_tokens": 100000)";

Json posted(const TestServer& server, const std::string& body) {
  const Reply reply = server.post("/v1/responses", body);
  EXPECT_EQ(reply.status, 200) << reply.body;
  return Json::parse(reply.body);
}
std::string path_of(const Json& response) {
  return "/v1/responses/" + response["id"].get<std::string>();
}
// The whole stream, which ends with the answer.
std::string events(const TestServer& server, const Json& response, const std::string& more = "") {
  const Reply reply = server.get(path_of(response) + "?stream=true" + more);
  EXPECT_EQ(reply.status, 200) << reply.body;
  return reply.body;
}

TEST(Background, AnAnswerIsThereWhenItsEventsHaveEnded) {
  const TestServer server;
  const Json queued = posted(
      server, R"({"input": "Once upon", "background": true, "max_output_tokens": 8, "seed": 3})");
  EXPECT_EQ(queued["status"], "queued");
  EXPECT_EQ(queued["background"], true);
  EXPECT_TRUE(queued["output"].empty());
  events(server, queued);
  const Json done = Json::parse(server.get(path_of(queued)).body);
  EXPECT_EQ(done["status"], "incomplete");
  EXPECT_EQ(done["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(done["id"], queued["id"]);
  const Json whole = posted(server, R"({"input": "Once upon", "max_output_tokens": 8, "seed": 3})");
  EXPECT_EQ(whole["background"], false);
  EXPECT_EQ(done["output"][0]["content"], whole["output"][0]["content"]);
  EXPECT_EQ(done["usage"]["output_tokens"], 8);
  // It goes on like any other.
  const Json next = posted(server, R"({"input": "and", "max_output_tokens": 2, )"
                                   R"("previous_response_id": ")" +
                                       done["id"].get<std::string>() + "\"}");
  EXPECT_GT(next["usage"]["input_tokens"], done["usage"]["input_tokens"]);
  EXPECT_EQ(server.get(path_of(queued) + "/input_items").status, 200);
}

TEST(Background, EventsAreReadAgainFromAnyOneOn) {
  const TestServer server;
  const Reply reply = server.post(
      "/v1/responses",
      R"({"input": "Once", "background": true, "stream": true, "max_output_tokens": 6})");
  EXPECT_THAT(reply.head, HasSubstr("text/event-stream"));
  EXPECT_THAT(reply.body, HasSubstr("event: response.created\ndata: {\"type\":\"response.created\","
                                    "\"sequence_number\":0,"));
  EXPECT_THAT(reply.body, HasSubstr("event: response.queued\n"));
  EXPECT_THAT(reply.body, HasSubstr("event: response.in_progress\n"));
  EXPECT_THAT(reply.body, HasSubstr("event: response.output_text.delta\n"));
  EXPECT_THAT(reply.body, HasSubstr("event: response.incomplete\n"));
  const size_t id = reply.body.find("\"id\":\"resp_");
  const Json response = {{"id", reply.body.substr(id + 6, reply.body.find('"', id + 6) - id - 6)}};
  EXPECT_EQ(events(server, response), reply.body);
  const std::string later = events(server, response, "&starting_after=1");
  EXPECT_TRUE(later.starts_with("event: response.in_progress\n")) << later;
  EXPECT_TRUE(reply.body.ends_with(later));
  EXPECT_EQ(events(server, response, "&starting_after=100000"), "");
  EXPECT_EQ(server.get(path_of(response) + "?starting_after=1").status, 400);
  for (const char* wrong : {"-1", "x", "1x", "99999999999999999999"})
    EXPECT_EQ(server.get(path_of(response) + "?stream=true&starting_after=" + wrong).status, 400)
        << wrong;
}

// The context of 256 ends such an answer at the latest; cancelling it is sooner.
TEST(Background, OneThatIsCancelledSaysSoEachTime) {
  const TestServer server;
  const Json queued = posted(server, unending + "}");
  const Json cancelled = Json::parse(server.post(path_of(queued) + "/cancel", "").body);
  EXPECT_THAT(cancelled["status"].get<std::string>(),
              testing::AnyOf("cancelled", "incomplete", "completed"));  // who was first
  EXPECT_EQ(server.post(path_of(queued) + "/cancel", "").body, to_text(cancelled));
  EXPECT_EQ(Json::parse(server.get(path_of(queued)).body), cancelled);
}

TEST(Background, OneThatIsForgottenIsGoneAndEnds) {
  TestServer server;
  const Json queued = posted(server, unending + "}");
  EXPECT_THAT(server.ask("DELETE", path_of(queued)).body, HasSubstr("\"deleted\":true"));
  EXPECT_EQ(server.get(path_of(queued)).status, 404);
  EXPECT_EQ(server.get(path_of(queued) + "?stream=true").status, 404);
  EXPECT_EQ(server.post(path_of(queued) + "/cancel", "").status, 404);
}

TEST(Background, AServerThatEndsDoesNotWaitForThem) {
  const TestServer server;
  for (int i = 0; i < 6; ++i) posted(server, unending + "}");
}

TEST(Background, MoreThanTheQueueHoldsAreRefused) {
  AppOptions options = default_options();
  options.models.host.n_queue_max = 0;
  const TestServer server(options);
  const Reply reply = server.post("/v1/responses", unending + "}");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.body, HasSubstr("0 answers are being made in the background, at most 0 may"));
}

TEST(Background, WhatCannotBeIsRefusedAtOnce) {
  const TestServer server;
  const Reply reply =
      server.post("/v1/responses", R"({"input": "a", "background": true, "store": false})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("background needs store"));
  EXPECT_EQ(server.post("/v1/responses", R"({"input": 7, "background": true})").status, 400);
  const Json plain = posted(server, R"({"input": "a", "max_output_tokens": 1})");
  const Reply stream = server.get(path_of(plain) + "?stream=true");
  EXPECT_EQ(stream.status, 400);
  EXPECT_THAT(stream.body, HasSubstr("not made in the background"));
}

// --- chats of many messages

std::string many_messages(int n, const std::string& more) {
  std::string body = R"({"max_tokens": 1, "messages": [)";
  for (int i = 0; i < n; ++i)
    body += std::string(i > 0 ? "," : "") + R"({"role":")" + (i % 2 == 0 ? "user" : "assistant") +
            R"(","content":"a"})";
  return body + "]" + more + "}";
}

TEST(ManyMessages, AreCountedAndNotRefusedForTheirNumber) {
  const TestServer server;
  const Reply reply = server.post("/v1/chat/completions", many_messages(20'000, ""));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("context_length_exceeded"));
  EXPECT_THAT(reply.body,
              HasSubstr("the maximum context length is 256 tokens, one of them for the answer"));
}

TEST(ManyMessages, AreCutToWhatFitsWhereThatIsAskedFor) {
  const TestServer server;
  const Reply reply =
      server.post("/v1/chat/completions", many_messages(19'999, R"(, "truncation": "auto")"));
  EXPECT_EQ(reply.status, 200) << reply.body;
  const size_t at = reply.head.find("x-quire-dropped-messages: ");
  ASSERT_NE(at, std::string::npos) << reply.head;
  const int n_dropped = std::stoi(reply.head.substr(at + 26));
  EXPECT_EQ(n_dropped % 2, 0) << "the first one left is of the user";
  const int64_t n_prompt = Json::parse(reply.body)["usage"]["prompt_tokens"].get<int64_t>();
  EXPECT_LE(n_prompt, 255);
  EXPECT_GT(n_prompt, 245) << "as few as must go";
}

}  // namespace
}  // namespace quire::server
