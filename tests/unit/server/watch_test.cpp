// What the web app's server page shows: the log of requests, and how busy the server was.
#include "server/load_series.h"
#include "server/request_log.h"

#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace quire::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

RequestRecord record(const std::string& id, size_t n_whole_bytes = 0) {
  RequestRecord result;
  result.id = id;
  result.line = "line of " + id;
  if (n_whole_bytes > 0) {
    auto whole = std::make_shared<KeptRequest>();
    whole->answers.push_back(std::string(n_whole_bytes, 'x'));
    result.whole = whole;
  }
  return result;
}

TEST(RequestLog, AFollowerGetsEveryLineOnce) {
  RequestLog log;
  log.add(record("a"));
  uint64_t place = 0;
  EXPECT_THAT(log.next_lines(place, 0ms, {}).lines, ElementsAre("line of a"));
  EXPECT_THAT(log.next_lines(place, 0ms, {}).lines, ElementsAre());
  log.add(record("b"));
  log.add(record("c"));
  EXPECT_THAT(log.next_lines(place, 0ms, {}).lines, ElementsAre("line of b", "line of c"));
}

TEST(RequestLog, OnlyTheLastOnesAreKept) {
  RequestLog log;
  for (size_t i = 0; i < RequestLog::n_max + 3; ++i) log.add(record(std::to_string(i)));
  EXPECT_EQ(log.latest().size(), RequestLog::n_max);
  EXPECT_EQ(log.latest().front().id, std::to_string(RequestLog::n_max + 2));
  EXPECT_FALSE(log.find("2").has_value());
  EXPECT_TRUE(log.find("3").has_value());
  uint64_t place = 1;  // lines 1 and 2 are gone: what is there follows
  EXPECT_EQ(log.next_lines(place, 0ms, {}).lines.front(), "line of 3");
}

TEST(RequestLog, WholeRequestsAreKeptWithinTheirBudget) {
  RequestLog log;
  for (size_t i = 0; i < 10; ++i)
    log.add(record(std::to_string(i), RequestLog::whole_bytes_max / 4));
  EXPECT_EQ(log.find("5")->whole, nullptr);
  EXPECT_NE(log.find("6")->whole, nullptr);
  for (size_t i = 0; i < RequestLog::n_whole_max; ++i) log.add(record("s", 1));
  EXPECT_EQ(log.find("9")->whole, nullptr);
}

TEST(RequestLog, ClosingEndsTheWaiting) {
  RequestLog log;
  uint64_t place = 0;
  std::thread closing([&] { log.close(); });
  EXPECT_TRUE(log.next_lines(place, 1h, {}).closed);
  closing.join();
  std::stop_source stop;
  RequestLog other;
  std::thread stopping([&] { stop.request_stop(); });
  EXPECT_FALSE(other.next_lines(place, 1h, stop.get_token()).closed);
  stopping.join();
}

TEST(KeptRequest, LongPartsAreCutBetweenCharacters) {
  KeptRequest kept;
  std::string text = "x";
  while (text.size() < KeptRequest::part_bytes_max + 100) text += "\u00e4";
  kept.set_body(text);
  EXPECT_LT(kept.body.size(), KeptRequest::part_bytes_max + 40);
  EXPECT_THAT(kept.body.substr(KeptRequest::part_bytes_max - 3), HasSubstr("\u00e4\n... "));
  for (int i = 0; i < 3; ++i) kept.add_answer(1, std::string(400'000, 'y'));
  kept.add_answer(0, "first");
  EXPECT_EQ(kept.answer().size(), 5 + 2 + 800'000);
}

TEST(LoadSeries, RatesAreThoseBetweenTwoSamples) {
  LoadSeries series;
  series.add({.time_ms = 1000, .n_generated_total = 10, .n_prompt_total = 100});
  series.add({.time_ms = 3000, .n_generated_total = 30, .n_prompt_total = 100});
  series.add({.time_ms = 5000, .n_generated_total = 0, .n_prompt_total = 150});  // unloaded
  const auto samples = series.samples();
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].tokens_per_s, 0);
  EXPECT_EQ(samples[1].tokens_per_s, 10);
  EXPECT_EQ(samples[2].tokens_per_s, 0);
  EXPECT_EQ(samples[2].prompt_tokens_per_s, 25);
  for (int64_t i = 0; i < 400; ++i) series.add({.time_ms = 10'000 + i});
  EXPECT_EQ(series.samples().size(), LoadSeries::n_max);
  EXPECT_EQ(series.samples().back().reading.time_ms, 10'399);
}

TEST(LoadSeries, ThisProcessHasMemory) { EXPECT_GT(resident_bytes(), 1 << 20); }

constexpr const char* chat_body =
    R"({"messages":[{"role":"user","content":"Once upon"}],"max_tokens":3,"temperature":0})";

TEST(Watching, ARequestOfTheAppIsKeptWhole) {
  const TestServer server;
  server.ask("POST", "/v1/chat/completions", chat_body, "x-quire-app: 1\r\nx-request-id: own\r\n");
  const Reply one = server.get("/app/api/requests/own");
  EXPECT_EQ(one.status, 200);
  EXPECT_THAT(one.body, HasSubstr(R"("path":"/v1/chat/completions","status":200)"));
  EXPECT_THAT(one.body, HasSubstr(R"("completion_tokens":3)"));
  EXPECT_THAT(one.body, HasSubstr(R"("request":"{\"messages\":)"));
  EXPECT_THAT(one.body, HasSubstr(R"("prompt":"Once upon")"));
  EXPECT_THAT(one.body, Not(HasSubstr(R"("answer":null)")));
  server.ask("POST", "/v1/completions", R"({"prompt":"Once upon","max_tokens":2})",
             "x-quire-app: 1\r\nx-request-id: text\r\n");
  const Reply text = server.get("/app/api/requests/text");
  EXPECT_THAT(text.body, HasSubstr("Once upon\""));
  EXPECT_THAT(text.body, Not(HasSubstr(R"("answer":null)")));
}

TEST(Watching, OfOtherRequestsOnlyTheLineIsKept) {
  const TestServer server;
  server.ask("POST", "/v1/chat/completions", chat_body, "x-request-id: other\r\n");
  const Reply one = server.get("/app/api/requests/other");
  EXPECT_THAT(one.body, HasSubstr(R"("request":null,"prompt":null,"answer":null)"));
  EXPECT_EQ(server.get("/app/api/requests/none").status, 404);
  const Reply all = server.get("/app/api/requests");
  EXPECT_THAT(all.body, HasSubstr(R"("id":"other")"));
  EXPECT_THAT(all.body, Not(HasSubstr("/app/api")));
}

TEST(Watching, WithPromptsLoggedEveryRequestIsKept) {
  AppOptions options;
  options.log_prompts = true;
  const TestServer server(options);
  server.ask("POST", "/v1/chat/completions", chat_body, "x-request-id: other\r\n");
  EXPECT_THAT(server.get("/app/api/requests/other").body, HasSubstr(R"("prompt":"Once upon")"));
}

TEST(Watching, TheLogIsAStreamThatEndsWithTheServer) {
  TestServer server;
  server.ask("POST", "/tokenize", R"({"content":"a"})", "x-request-id: before\r\n");
  const int fd = server.connect();
  TestServer::put(fd, "GET /app/api/log HTTP/1.1\r\nhost: localhost\r\n\r\n");
  std::string text;
  const auto read_until = [&](std::string_view wanted) {
    char piece[4096];
    while (text.find(wanted) == text.npos) {
      const ssize_t n = ::recv(fd, piece, sizeof piece, 0);
      if (n <= 0) return false;
      text.append(piece, static_cast<size_t>(n));
    }
    return true;
  };
  EXPECT_TRUE(read_until(R"("id":"before")"));
  EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream"));
  server.ask("POST", "/tokenize", R"({"content":"a"})", "x-request-id: after\r\n");
  EXPECT_TRUE(read_until(R"("id":"after")"));
  server.app().request_log.close();
  EXPECT_TRUE(read_until("\r\n0\r\n\r\n"));
  ::close(fd);
}

TEST(Watching, ModelsAreLoadedAndUnloaded) {
  TestServer server;
  const std::string type = "content-type: application/json\r\n";
  const Reply before = server.get("/app/api/models");
  EXPECT_THAT(before.body, HasSubstr(R"("quantization":"Q8_0","context":256,"loaded":false)"));
  EXPECT_THAT(before.body, HasSubstr(R"("fits":true)"));
  const auto ask = [&](const std::string& what, const std::string& body) {
    return server.ask("POST", "/app/api/models/" + what, body, type);
  };
  EXPECT_EQ(ask("load", R"({"model":"tiny"})").body, R"({"model":"tiny","loaded":true})");
  EXPECT_THAT(server.get("/app/api/models").body, HasSubstr(R"("loaded":true)"));
  EXPECT_THAT(server.get("/app/api/metrics").body, HasSubstr(R"("models_loaded":1)"));
  EXPECT_EQ(ask("unload", R"({"model":"tiny"})").body, R"({"model":"tiny","loaded":false})");
  EXPECT_EQ(ask("load", R"({"model":"none"})").status, 404);
  EXPECT_EQ(ask("unload", R"({"model":"none"})").status, 404);
  EXPECT_EQ(ask("load", R"({"model":5})").status, 400);
  EXPECT_EQ(ask("load", "{}").status, 400);
}

TEST(Watching, ModelsThatCannotBeReadSayWhy) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/broken.gguf";
  std::filesystem::copy_file(QUIRE_SOURCE_DIR "/models/tales-3m-q8_0.gguf", path);
  std::filesystem::resize_file(path, 5000);
  const TestServer server(default_options(), {}, {path});
  const Reply models = server.get("/app/api/models");
  EXPECT_EQ(models.status, 200);
  EXPECT_THAT(models.body, HasSubstr(R"("fit":null,"error":")"));
}

TEST(Watching, WhatIsGeneratedIsCountedWhileItGrows) {
  TestServer server;
  server.ask("POST", "/v1/completions",
             R"({"prompt":"Once upon a time","max_tokens":5,"ignore_eos":true})");
  const LoadReading reading = server.app().read_load();
  EXPECT_EQ(reading.n_generated_total, 5);
  EXPECT_GT(reading.n_prompt_total, 0);
  EXPECT_EQ(reading.n_active, 0);
  EXPECT_GE(reading.kv_total, 256);
  EXPECT_GE(reading.kv_total, reading.kv_used);
  const Reply metrics = server.get("/app/api/metrics");
  EXPECT_THAT(metrics.body, HasSubstr(R"("series":[{"t":)"));
}

}  // namespace
}  // namespace quire::server
