// Tools that the server runs itself.
#include "agent/toolset.h"
#include "support.h"
#include "unit/agent/mcp_script.h"

#include <gmock/gmock.h>

#include <fstream>

namespace quire::server {
namespace {

using testing::HasSubstr;

Json read_answer(const Reply& reply) { return Json::parse(reply.body, nullptr, false); }

AppOptions with_tools(const std::vector<std::string>& names) {
  AppOptions options;
  options.tools = agent::Toolset::create({.builtin = names}).value();
  return options;
}

TEST(ToolRoutes, AreOffUnlessAskedFor) {
  const TestServer server;
  EXPECT_EQ(server.get("/tools").status, 403);
  const Reply reply = server.post("/tools", R"({"tool": "get_info", "params": {}})");
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.body, HasSubstr("--tools"));
}

TEST(ToolRoutes, ListWhatThereIs) {
  const TestServer server(with_tools({"read_file", "write_file"}));
  const Json list = read_answer(server.get("/tools"));
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["tool"], "read_file");
  EXPECT_EQ(list[0]["type"], "server");
  EXPECT_EQ(list[0]["permissions"]["write"], false);
  EXPECT_EQ(list[1]["permissions"]["write"], true);
  const Json& function = list[0]["definition"]["function"];
  EXPECT_EQ(list[0]["definition"]["type"], "function");
  EXPECT_EQ(function["name"], "read_file");
  EXPECT_EQ(function["parameters"]["type"], "object");
  EXPECT_EQ(function["parameters"]["required"], Json::array({"path"}));
}

TEST(ToolRoutes, WorkInTheFolderOfTheHeaderWhateverTheModelSays) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.txt") << "content\n";
  const TestServer server(with_tools({"all"}));
  const Reply reply = server.ask(
      "POST", "/tools", R"({"tool": "read_file", "params": {"path": "a.txt", "cwd": "/nowhere"}})",
      "x-tool-cwd: " + folder.path() + "\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(read_answer(reply), Json({{"plain_text_response", "content\n"}}));
  const Reply bytes =
      server.ask("POST", "/tools", R"({"tool": "read_file", "params": {"path": "a.txt"}})",
                 "x-resp-type: base64\r\nx-tool-cwd: " + folder.path() + "\r\n");
  EXPECT_EQ(read_answer(bytes), Json({{"base64", "Y29udGVudAo="}, {"size_bytes", 8}}));
}

TEST(ToolRoutes, TellTheModelWhatItDidWrongAndTheClientToo) {
  const TestServer server(with_tools({"all"}));
  const auto post = [&](const char* body) { return server.post("/tools", body); };
  const Reply model = post(R"({"tool": "read_file", "params": {}})");
  EXPECT_EQ(model.status, 200);
  EXPECT_THAT(read_answer(model)["error"].get<std::string>(), HasSubstr("'path' is missing"));
  EXPECT_EQ(post(R"({"tool": "fly", "params": {}})").status, 404);
  EXPECT_EQ(post(R"({"params": {}})").status, 400);
  EXPECT_EQ(post(R"({"tool": "read_file", "params": []})").status, 400);
  EXPECT_EQ(post(R"({"tool": "read_file", "stream": true})").status, 404);
  EXPECT_EQ(post("[]").status, 400);
  EXPECT_EQ(
      server.ask("POST", "/tools", R"({"tool": "get_info"})", "x-tool-runtime: x:y\r\n").status,
      500);
}

TEST(ToolRoutes, WorkWhereTheServerWasToldToAndNowhereElse) {
  AppOptions options;
  options.tools = agent::Toolset::create({.builtin = {"get_info"}, .runtime = "ssh:host"}).value();
  const TestServer server(options);
  for (const char* other : {"ssh:elsewhere", "docker-container:1", "nonsense"}) {
    const Reply reply = server.ask("POST", "/tools", R"({"tool": "get_info"})",
                                   std::string("x-tool-runtime: ") + other + "\r\n");
    EXPECT_EQ(reply.status, 403);
    EXPECT_THAT(reply.body, HasSubstr(other));
  }
  EXPECT_TRUE(options.tools->lets_choose("ssh:host"));
  EXPECT_TRUE(options.tools->lets_choose(""));
}

TEST(ToolRoutes, StreamTheOutputOfACommand) {
  const TestServer server(with_tools({"exec_shell_command"}));
  const Reply reply = server.post(
      "/tools",
      R"({"tool": "exec_shell_command", "params": {"command": "echo hello"}, "stream": true})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, testing::StartsWith("data: {\"chunk\":\"hello\\n"));
  EXPECT_THAT(reply.body, HasSubstr("[exit code: 0]"));
  EXPECT_THAT(reply.body, testing::EndsWith("data: {\"done\":true}\n\n"));
}

TEST(ToolRoutes, AreClosedToPagesOfOtherOrigins) {
  const TestServer server(with_tools({"all"}));
  EXPECT_EQ(
      server
          .ask("POST", "/tools", R"({"tool": "get_info"})", "origin: http://elsewhere.example\r\n")
          .status,
      403);
}

TEST(ToolRoutes, HaveThoseOfMcpServersToo) {
  const TemporaryFolder folder;
  AppOptions options;
  options.tools =
      agent::Toolset::create({.mcp_servers = {agent::script_spec(folder, "small")}}).value();
  const TestServer server(options);
  const Json list = read_answer(server.get("/tools"));
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0]["tool"], "small_echo");
  EXPECT_EQ(list[0]["type"], "mcp");
  const Reply reply =
      server.post("/tools", R"({"tool": "small_echo", "params": {"text": "hello"}})");
  EXPECT_EQ(read_answer(reply), Json({{"plain_text_response", "hello"}}));
  const Reply crash = server.post("/tools", R"({"tool": "small_crash", "params": {}})");
  EXPECT_EQ(crash.status, 200);
  EXPECT_THAT(read_answer(crash)["error"].get<std::string>(), HasSubstr("something terrible"));
}

TEST(ToolRoutes, EndWithTheServer) {
  const AppOptions options = with_tools({"exec_shell_command"});
  options.tools->end();
  const TestServer server(options);
  const Reply reply =
      server.post("/tools", R"({"tool": "exec_shell_command", "params": {"command": "sleep 60"}})");
  EXPECT_THAT(reply.body, HasSubstr("stopped"));
}

}  // namespace
}  // namespace quire::server
