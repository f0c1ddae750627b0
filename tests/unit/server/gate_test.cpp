#include "server/gate.h"

#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire::server {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Gate, TextsAreEqualOnlyWhenTheyAre) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secres", "secret"));
  EXPECT_FALSE(equal_in_constant_time("secretsecret", "secret"));
  EXPECT_FALSE(equal_in_constant_time("", "secret"));
  EXPECT_FALSE(equal_in_constant_time("s", ""));
}

TEST(Gate, EveryRouteButHealthNeedsAKey) {
  AppOptions options;
  options.gate.api_keys = {"first", "second"};
  const TestServer server(options);
  for (const Route& route : all_routes()) {
    const int status = server.ask(route.method, route.path, "{}").status;
    if (route.access == Access::anyone)
      EXPECT_EQ(status, 200) << route.path;
    else if (route.access == Access::app_file)
      EXPECT_NE(status, 401) << route.path;
    else
      EXPECT_EQ(status, 401) << route.path;
  }
  EXPECT_EQ(server.get("/nonsense").status, 401);
  EXPECT_EQ(server.ask("GET", "/v1/models", "", "authorization: Bearer second\r\n").status, 200);
  EXPECT_EQ(server.ask("GET", "/v1/models", "", "x-api-key: first\r\n").status, 200);
  EXPECT_EQ(server.ask("GET", "/v1/models", "", "authorization: Bearer firs\r\n").status, 401);
  EXPECT_EQ(server.ask("GET", "/v1/models", "", "authorization: Bearer \r\n").status, 401);
}

TEST(Gate, AForeignHostIsRefused) {
  AppOptions options;
  options.gate.allowed_hosts = {"box.example"};
  const TestServer server(options);
  const auto status = [&](const std::string& host) {
    return server.raw("GET /health HTTP/1.1\r\nhost: " + host + "\r\nconnection: close\r\n\r\n")
        .status;
  };
  EXPECT_EQ(status("evil.example"), 421);
  EXPECT_EQ(status("127.0.0.1.evil.example:80"), 421);
  EXPECT_EQ(status("localhost:1234"), 200);
  EXPECT_EQ(status("127.0.0.1"), 200);
  EXPECT_EQ(status("[::1]:80"), 200);
  EXPECT_EQ(status("BOX.example:8080"), 200);
}

TEST(Gate, OnlyListedOriginsAreLetIn) {
  AppOptions options;
  options.gate.cors_origins = {"https://app.example"};
  const TestServer server(options);
  const Reply listed = server.ask("GET", "/health", "", "origin: https://app.example\r\n");
  EXPECT_THAT(listed.head, HasSubstr("access-control-allow-origin: https://app.example"));
  const Reply other = server.ask("GET", "/health", "", "origin: https://evil.example\r\n");
  EXPECT_THAT(other.head, Not(HasSubstr("access-control")));
  const Reply preflight =
      server.ask("OPTIONS", "/v1/models", "",
                 "origin: https://app.example\r\naccess-control-request-method: POST\r\n");
  EXPECT_EQ(preflight.status, 200);
  EXPECT_THAT(preflight.head, HasSubstr("access-control-allow-methods"));
}

TEST(Gate, APageOfAnotherOriginCanChangeNothing) {
  AppOptions options;
  options.gate.cors_origins = {"https://app.example"};
  const TestServer server(options);
  const auto status = [&](const std::string& method, const std::string& origin) {
    return server.ask(method, "/tokenize", R"({"content":"a"})", "origin: " + origin + "\r\n")
        .status;
  };
  EXPECT_EQ(status("POST", "https://evil.example"), 403);
  EXPECT_EQ(status("POST", "null"), 403);
  EXPECT_EQ(status("POST", "http://localhost:1"), 403);
  EXPECT_EQ(status("POST", "http://localhost"), 200);  // as the Host header of these requests
  EXPECT_EQ(status("POST", "https://app.example"), 200);
  EXPECT_EQ(server.ask("GET", "/health", "", "origin: https://evil.example\r\n").status, 200);
}

// Cached tokens of a prompt of some 100, asked with this key and these fields.
int64_t n_cached(const TestServer& server, const std::string& key, const std::string& fields = "") {
  std::string ids = "5";
  for (int i = 0; i < 100; ++i) ids += "," + std::to_string(6 + i);
  const Reply reply = server.ask("POST", "/completion",
                                 R"({"n_predict": 1, "prompt": [)" + ids + "]" + fields + "}",
                                 key.empty() ? "" : "authorization: Bearer " + key + "\r\n");
  EXPECT_EQ(reply.status, 200) << reply.body;
  return Json::parse(reply.body)["timings"]["cache_n"].get<int64_t>();
}

AppOptions with_keys(std::vector<std::string> keys) {
  AppOptions options = default_options();
  options.gate.api_keys = std::move(keys);
  return options;
}

TEST(CachedPrompts, OfOneKeyAreNotUsedForAnother) {
  const TestServer server(with_keys({"first", "second"}));
  EXPECT_EQ(n_cached(server, "first"), 0);
  EXPECT_GE(n_cached(server, "first"), 96);
  EXPECT_EQ(n_cached(server, "second"), 0);
  EXPECT_GE(n_cached(server, "second"), 96);
}

TEST(CachedPrompts, AreSharedWhereTheFlagSaysSoAndWhereThereIsOneKey) {
  AppOptions options = with_keys({"first", "second"});
  options.gate.share_cache = true;
  const TestServer sharing(options);
  EXPECT_EQ(n_cached(sharing, "first"), 0);
  EXPECT_GE(n_cached(sharing, "second"), 96);
  const Gate one(with_keys({"first"}).gate);
  EXPECT_EQ(one.cache_salt(HttpRequest()), "");
}

TEST(CachedPrompts, AreThoseOfTheSameSalt) {
  const TestServer server;
  EXPECT_EQ(n_cached(server, ""), 0);
  EXPECT_EQ(n_cached(server, "", R"(, "cache_salt": "a")"), 0);
  EXPECT_GE(n_cached(server, "", R"(, "cache_salt": "a")"), 96);
  EXPECT_EQ(n_cached(server, "", R"(, "cache_salt": "b")"), 0);
  EXPECT_GE(n_cached(server, "", R"(, "prompt_cache_key": "b")"), 96);
}

TEST(CachedPrompts, ASaltThatIsNoneIsRefused) {
  const TestServer server;
  const std::string longest = "\"" + std::string(1025, 'x') + "\"";
  for (const std::string& salt : {std::string("\"\""), std::string("7"), longest}) {
    const Reply reply =
        server.post("/completion", R"({"prompt": [5], "cache_salt": )" + salt + "}");
    EXPECT_EQ(reply.status, 400) << salt;
    EXPECT_THAT(reply.body, HasSubstr("cache_salt")) << salt;
  }
}

}  // namespace
}  // namespace quire::server
