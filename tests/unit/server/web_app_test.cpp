// What the web app gets of a server: its files with their headers, and the refusals of what it
// saves. The plain requests are in tests/server/web-app.txt.
#include "support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace quire::server {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view script = "import('./other.js')";
constexpr WebFile files[] = {
    {"assets/main-1a2b.js", script, "zipped", "5c0ffee5"},
    {"icon.svg", "<svg/>", "", "1c0"},
    {"index.html", "<!doctype html>", "", "abcd"},
};

TestServer with_files() {
  AppOptions options;
  options.web.files = files;
  options.gate.api_keys = {"secret"};
  return TestServer(options);
}

TEST(WebFiles, TheAppIsServedWithoutAKeyAndWithAPolicy) {
  const TestServer server = with_files();
  for (const char* path : {"/", "/index.html"}) {
    const Reply page = server.get(path);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.body, "<!doctype html>");
    EXPECT_THAT(page.head, HasSubstr("content-type: text/html; charset=utf-8\r\n"));
    EXPECT_THAT(
        page.head,
        HasSubstr("content-security-policy: default-src 'none'; script-src 'self'; style-src "
                  "'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri "
                  "'none'; form-action 'none'; frame-ancestors 'none'\r\n"));
    EXPECT_THAT(page.head, HasSubstr("x-content-type-options: nosniff\r\n"));
    EXPECT_THAT(page.head, HasSubstr("referrer-policy: no-referrer\r\n"));
    EXPECT_THAT(page.head, HasSubstr("cross-origin-opener-policy: same-origin\r\n"));
    EXPECT_THAT(page.head, HasSubstr("cache-control: no-cache\r\n"));
    EXPECT_THAT(page.head, HasSubstr("etag: \"abcd\"\r\n"));
  }
  EXPECT_THAT(server.get("/icon.svg").head, HasSubstr("content-type: image/svg+xml\r\n"));
  EXPECT_EQ(server.ask("HEAD", "/").body, "");
}

TEST(WebFiles, AssetsStayInCachesAndComeCompressedToWhoTakesThat) {
  const TestServer server = with_files();
  const Reply plain = server.get("/assets/main-1a2b.js");
  EXPECT_EQ(plain.body, script);
  EXPECT_THAT(plain.head, HasSubstr("content-type: text/javascript; charset=utf-8\r\n"));
  EXPECT_THAT(plain.head, HasSubstr("cache-control: public, max-age=31536000, immutable\r\n"));
  EXPECT_THAT(plain.head, HasSubstr("vary: accept-encoding\r\n"));
  EXPECT_THAT(plain.head, Not(HasSubstr("content-encoding")));
  const Reply zipped =
      server.ask("GET", "/assets/main-1a2b.js", "", "accept-encoding: br, gzip;q=0.5\r\n");
  EXPECT_EQ(zipped.body, "zipped");
  EXPECT_THAT(zipped.head, HasSubstr("content-encoding: gzip\r\n"));
  EXPECT_THAT(zipped.head, HasSubstr("etag: \"5c0ffee5-gzip\"\r\n"));
}

TEST(WebFiles, WhatABrowserHasIsNotSentAgain) {
  const TestServer server = with_files();
  const Reply same = server.ask("GET", "/", "", "if-none-match: \"x\", W/\"abcd\"\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_THAT(same.head, HasSubstr("etag: \"abcd\"\r\n"));
  EXPECT_EQ(server.ask("GET", "/", "", "if-none-match: \"abc\"\r\n").status, 200);
}

TEST(WebFiles, OnlyFilesOfTheAppAreThere) {
  const TestServer server = with_files();
  for (const char* path : {"/assets/", "/assets/none.js", "/assets/../index.html", "/assets/..",
                           "/assets/%2e%2e/index.html", "/assets/main-1a2b.js%00"})
    EXPECT_THAT(server.get(path).status, testing::AnyOf(404, 401)) << path;
}

TEST(WebFiles, ABuildWithoutTheAppSaysHowToGetIt) {
  AppOptions options;
  options.web.files = {};
  const TestServer server(options);
  const Reply page = server.get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("./dev build"));
  EXPECT_THAT(page.head, HasSubstr("content-security-policy:"));
  EXPECT_EQ(server.get("/icon.svg").status, 404);
}

TEST(WebFiles, WhatIsEmbeddedInThisProgramIsWhole) {
  for (const WebFile& file : embedded_web_files()) {
    EXPECT_EQ(file.sha256.size(), 64u) << file.name;
    EXPECT_FALSE(file.bytes.empty()) << file.name;
    EXPECT_NE(media_type(file.name), "application/octet-stream") << file.name;
    EXPECT_TRUE(file.gzipped.empty() || file.gzipped.starts_with("\x1f\x8b")) << file.name;
  }
}

TEST(WebFiles, AcceptEncodingIsRead) {
  for (const char* text : {"gzip", "br, GZIP", "gzip;q=0.1", "gzip ; q=1", "deflate,gzip"})
    EXPECT_TRUE(accepts_gzip(text)) << text;
  for (const char* text : {"", "br", "gzip;q=0", "gzip; q=0.000", "gzipped", ",,;"})
    EXPECT_FALSE(accepts_gzip(text)) << text;
}

class WebAppTest : public testing::Test {
 protected:
  WebAppTest() {
    AppOptions options;
    options.web.state_path = folder_.path() + "/app.db";
    options.web.document_bytes_max = 10'000;
    server_ = std::make_unique<TestServer>(options);
  }
  Reply put(const std::string& path, const std::string& body) const {
    return server_->ask("PUT", path, body, "content-type: application/json\r\n");
  }
  Reply import(const std::string& body) const {
    return server_->ask("POST", "/app/api/import", body, "content-type: application/json\r\n");
  }
  static std::string chat(const std::string& more) {
    return R"({"title":"T","model":"m","version":0,"messages":{})" + more + "}";
  }

  TemporaryFolder folder_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(WebAppTest, HostileIdsAre400) {
  for (const char* id : {"..", "%2e%2e", "a%2Fb", "a/b", "%00", "a%20b", "%ff", "a'b", "a;--"})
    for (const char* method : {"GET", "DELETE"})
      EXPECT_EQ(server_->ask(method, std::string("/app/api/chats/") + id).status, 400) << id;
  EXPECT_EQ(put("/app/api/chats/" + std::string(65, 'a'), chat("")).status, 400);
  EXPECT_EQ(put("/app/api/chats/" + std::string(64, 'a'), chat("")).status, 200);
  EXPECT_EQ(put("/app/api/chats/a", chat(R"(,"id":"b")")).status, 400);
}

TEST_F(WebAppTest, DocumentsThatAreNoneAre400) {
  for (const char* body : {
           "",
           "null",
           "[]",
           "{}",
           "{",
           "\"x\"",
           R"({"title":1,"model":"m","version":0,"messages":{}})",
           R"({"title":"T","version":0,"messages":{}})",
           R"({"title":"T","model":"m","messages":{}})",
           R"({"title":"T","model":"m","version":-1,"messages":{}})",
           R"({"title":"T","model":"m","version":1.5,"messages":{}})",
           R"({"title":"T","model":"m","version":"0","messages":{}})",
           R"({"title":"T","model":"m","version":1e300,"messages":{}})",
           R"({"title":"T","model":"m","version":18446744073709551615,"messages":{}})",
           R"({"title":"T","model":"m","version":0,"messages":[]})",
           R"({"title":"T","model":"m","version":0})",
           R"({"title":"T","model":"m","version":0,"messages":{},"created":-5})",
           "{\"title\":\"\xff\",\"model\":\"m\",\"version\":0,\"messages\":{}}",
       })
    EXPECT_EQ(put("/app/api/chats/a", body).status, 400) << body;
  EXPECT_EQ(put("/app/api/chats/a", chat(",\"x\":" + std::string(3000, '['))).status, 400);
  EXPECT_EQ(put("/app/api/chats/a", chat(",\"title2\":\"" + std::string(9000, 'x') + "\"")).status,
            200);
  EXPECT_EQ(put("/app/api/chats/b", chat(",\"x\":\"" + std::string(20'000, 'x') + "\"")).status,
            413);
  EXPECT_EQ(put("/app/api/chats/b", R"({"title":")" + std::string(5000, 'x') +
                                        R"(","model":"m","version":0,"messages":{}})")
                .status,
            400);
  EXPECT_EQ(put("/app/api/settings", "[]").status, 400);
  EXPECT_EQ(put("/app/api/settings", "{\"x\":\"" + std::string(1 << 20, 'x') + "\"}").status, 413);
}

TEST_F(WebAppTest, ImportsThatAreNoneAre400AndChangeNothing) {
  for (
      const char* body : {
          "{}",
          R"({"format":"other","version":1,"chats":[]})",
          R"({"format":"quire-chats","version":2,"chats":[]})",
          R"({"format":"quire-chats","version":1,"chats":{}})",
          R"({"format":"quire-chats","version":1,"chats":[5]})",
          R"({"format":"quire-chats","version":1,"chats":[{"id":"a","title":"T","model":"m","version":1,"messages":{}},{"id":"../x","title":"T","model":"m","version":1,"messages":{}}]})",
          R"({"format":"quire-chats","version":1,"chats":[{"title":"T","model":"m","version":1,"messages":{}}]})",
      })
    EXPECT_EQ(import(body).status, 400) << body;
  EXPECT_EQ(server_->get("/app/api/chats").body, R"({"chats":[]})");
}

TEST_F(WebAppTest, OtherPagesAndOtherTypesCannotWrite) {
  const std::string json_type = "content-type: application/json\r\n";
  EXPECT_EQ(server_->ask("PUT", "/app/api/chats/a", chat("")).status, 415);
  EXPECT_EQ(
      server_->ask("PUT", "/app/api/chats/a", chat(""), "content-type: text/plain\r\n").status,
      415);
  EXPECT_EQ(
      server_
          ->ask("PUT", "/app/api/chats/a", chat(""), json_type + "origin: https://evil.example\r\n")
          .status,
      403);
  EXPECT_EQ(server_->ask("DELETE", "/app/api/chats/a", "", "origin: null\r\n").status, 403);
  EXPECT_EQ(
      server_->ask("PUT", "/app/api/chats/a", chat(""), json_type + "origin: http://localhost\r\n")
          .status,
      200);
}

TEST_F(WebAppTest, AListIsPagedByWhatItSays) {
  for (const char* id : {"a", "b", "c"})
    ASSERT_EQ(put(std::string("/app/api/chats/") + id, chat("")).status, 200);
  std::string path = "/app/api/chats?limit=2", text = server_->get(path).body;
  const size_t next = text.find("\"next\":\"");
  ASSERT_NE(next, text.npos) << text;
  path += "&after=" + text.substr(next + 8, text.rfind('"') - next - 8);
  text += server_->get(path).body;
  for (const char* id : {"a", "b", "c"}) {
    const std::string entry = std::string("\"id\":\"") + id + "\"";
    EXPECT_NE(text.find(entry), text.npos) << text;
    EXPECT_EQ(text.find(entry), text.rfind(entry)) << text;
  }
  for (const char* query : {"limit=0", "limit=-1", "limit=1001", "limit=x", "after=x", "after=5",
                            "after=5-", "after=-5-a", "after=99999999999999999999-a"})
    EXPECT_EQ(server_->get(std::string("/app/api/chats?") + query).status, 400) << query;
}

TEST(WebAppWithoutState, ADamagedDatabaseIs503AndTheServerLivesOn) {
  const TemporaryFolder folder;
  AppOptions options;
  options.web.state_path = folder.path() + "/app.db";
  std::ofstream(options.web.state_path) << std::string(5000, 'x');
  testing::internal::CaptureStderr();
  const TestServer server(options);
  for (int i = 0; i < 2; ++i) {
    const Reply reply = server.get("/app/api/chats");
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.body, HasSubstr("app.db"));
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_EQ(server.get("/v1/models").status, 200);
}

TEST(WebAppSwitchedOff, NothingOfItIsThere) {
  AppOptions options;
  options.web.enabled = false;
  const TestServer server(options);
  for (const Route& route : all_routes()) {
    if (route.access != Access::app_file && route.access != Access::app_api) continue;
    const Reply reply =
        server.ask(route.method, route.path, "{}", "content-type: application/json\r\n");
    EXPECT_EQ(reply.status, 404) << route.path;
    EXPECT_THAT(reply.body, HasSubstr("--no-webui"));
  }
  EXPECT_EQ(server.get("/health").status, 200);
}

}  // namespace
}  // namespace quire::server
