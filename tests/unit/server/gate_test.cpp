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
  EXPECT_EQ(preflight.status, 204);
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

}  // namespace
}  // namespace quire::server
