// /cors-proxy: other servers, asked for pages of this one.
#include "support.h"
#include "unit/store/test_server.h"

#include <gmock/gmock.h>

namespace quire::server {
namespace {

using Target = quire::TestServer;
using testing::HasSubstr;
using testing::Not;

AppOptions with_proxy() {
  AppOptions options;
  options.proxy = true;
  return options;
}

class Proxy : public testing::Test {
 protected:
  Proxy() {
    target_.ask_first([this](const Target::Request&) { return answer_; });
  }
  std::string url(const std::string& path) const { return "http://" + target_.host() + path; }
  Reply ask(const char* method, const std::string& url, const std::string& body = "",
            const std::string& headers = "") const {
    return server_.ask(method, "/cors-proxy?url=" + url, body, headers);
  }

  Target target_;
  Target::Answer answer_;
  const TestServer server_{with_proxy()};
};

TEST(ProxyRoute, IsOffUnlessAskedFor) {
  const TestServer server;
  for (const char* method : {"GET", "POST", "DELETE"})
    EXPECT_EQ(server.ask(method, "/cors-proxy?url=http://127.0.0.1:1/").status, 403);
}

TEST_F(Proxy, PassesTheAnswerOn) {
  answer_.body = "hello";
  answer_.headers =
      "content-type: text/html\r\nmcp-session-id: 7\r\ncontent-encoding: x\r\ncontent-range: bytes "
      "0-4/9\r\nset-cookie: a=b\r\n";
  const Reply reply = ask("GET", url("/page"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "hello");
  EXPECT_THAT(reply.head, HasSubstr("content-type: text/html\r\n"));
  EXPECT_THAT(reply.head, HasSubstr("mcp-session-id: 7\r\n"));
  EXPECT_THAT(reply.head, HasSubstr("content-encoding: x\r\n"));
  EXPECT_THAT(reply.head, HasSubstr("content-range: bytes 0-4/9\r\n"));
  EXPECT_THAT(reply.head, HasSubstr("content-security-policy: sandbox\r\n"));
  EXPECT_THAT(reply.head, Not(HasSubstr("set-cookie")));
  ASSERT_EQ(target_.requests().size(), 1u);
  EXPECT_EQ(target_.requests()[0].path, "/page");
}

TEST_F(Proxy, SendsWhatIsMeantForTheOtherServerAndNothingElse) {
  answer_.status = 202;
  const Reply reply = ask("POST", url("/mcp"), R"({"a":1})",
                          "content-type: application/json\r\ncookie: secret=1\r\n"
                          "authorization: Bearer ours\r\n"
                          "x-llama-server-proxy-header-x-own: value\r\n"
                          "x-llama-server-proxy-header-authorization: Bearer theirs\r\n"
                          "x-llama-server-proxy-header-host: elsewhere\r\n");
  EXPECT_EQ(reply.status, 202);
  ASSERT_EQ(target_.requests().size(), 1u);
  const Target::Request asked = target_.requests()[0];
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.body, R"({"a":1})");
  const std::string head = lower_case(asked.head);
  EXPECT_THAT(head, HasSubstr("authorization: bearer theirs"));
  EXPECT_THAT(head, HasSubstr("x-own: value"));
  EXPECT_THAT(head, HasSubstr("content-type: application/json"));
  EXPECT_THAT(head, Not(HasSubstr("secret")));
  EXPECT_THAT(head, Not(HasSubstr("ours")));
  EXPECT_THAT(head, Not(HasSubstr("elsewhere")));
}

TEST_F(Proxy, AnAnswerWithoutContentStaysOne) {
  answer_.status = 204;
  const Reply reply = ask("POST", url("/"), "{}");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.body, "");
}

TEST_F(Proxy, ARedirectIsPassedOnAndNotFollowed) {
  answer_.status = 302;
  answer_.location = "/elsewhere";
  const Reply reply = ask("GET", url("/"));
  EXPECT_EQ(reply.status, 302);
  EXPECT_THAT(reply.head, HasSubstr("location: /elsewhere"));
  EXPECT_EQ(target_.requests().size(), 1u);
}

TEST_F(Proxy, OnlyProgramsAndOwnPagesMayAsk) {
  const auto status = [&](const std::string& header) {
    return ask("GET", url("/"), "", header + "\r\n").status;
  };
  EXPECT_EQ(status("origin: http://localhost"), 200);
  EXPECT_EQ(status("sec-fetch-site: same-origin"), 200);
  EXPECT_EQ(status("origin: http://elsewhere.example"), 403);
  EXPECT_EQ(status("sec-fetch-site: cross-site"), 403) << "a picture in another page";
  EXPECT_EQ(status("sec-fetch-site: same-site"), 403) << "a page of another port";
  EXPECT_EQ(status("sec-fetch-site: none"), 403) << "a link from outside";
  EXPECT_EQ(target_.requests().size(), 2u);
}

TEST_F(Proxy, WhatCannotBeAskedIsRefused) {
  EXPECT_EQ(server_.get("/cors-proxy").status, 400);
  EXPECT_EQ(ask("GET", "file:///etc/passwd").status, 400);
  EXPECT_EQ(ask("GET", "nonsense").status, 400);
  EXPECT_EQ(ask("GET", "http://user:secret@127.0.0.1:1/").status, 400);
  const Reply nobody = ask("GET", "http://127.0.0.1:1/");
  EXPECT_EQ(nobody.status, 502);
  EXPECT_THAT(nobody.body, HasSubstr("http://127.0.0.1:1/"));
  const Reply secrets = ask("GET", "http://169.254.169.254/latest/meta-data");
  EXPECT_EQ(secrets.status, 502);
  EXPECT_THAT(secrets.body, HasSubstr("link-local"));
  EXPECT_THAT(ask("GET", "http://[::ffff:169.254.169.254]/").body, HasSubstr("link-local"));
  EXPECT_THAT(ask("GET", "http://[fd00:ec2::254]/").body, HasSubstr("link-local"));
}

}  // namespace
}  // namespace quire::server
