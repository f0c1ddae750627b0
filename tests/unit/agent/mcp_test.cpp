#include "agent/place.h"
#include "mcp_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace quire::agent {
namespace {

using testing::HasSubstr;

class Mcp : public testing::Test {
 protected:
  McpServerSpec spec() { return script_spec(folder_); }
  static std::string call(McpServer& server, const std::string& tool,
                          const Json& arguments = Json::object()) {
    const auto answer = server.call_tool(tool, arguments, {});
    if (!answer) return "error: " + answer.error().text;
    return (answer->failed ? "failed: " : "") + answer->text;
  }
  TemporaryFolder folder_;
};

TEST_F(Mcp, ToolsAreListedPageByPage) {
  McpServer server(spec());
  const auto tools = server.list_tools().value();
  ASSERT_EQ(tools.size(), 3u) << "the one without a name is left out";
  EXPECT_EQ(tools[0].name, "echo");
  EXPECT_EQ(tools[0].description, "Says it again");
  EXPECT_EQ(tools[0].parameters["properties"]["text"]["type"], "string");
  EXPECT_EQ(tools[1].parameters, Json({{"type", "object"}, {"properties", Json::object()}}));
  EXPECT_TRUE(tools[1].only_reads);
  EXPECT_FALSE(tools[2].only_reads);
}

TEST_F(Mcp, CallsAreAnsweredWhateverElseIsSaid) {
  McpServer server(spec());
  EXPECT_EQ(call(server, "echo", {{"text", "hello"}}), "hello");
  EXPECT_EQ(call(server, "fails"), "failed: it broke");
  EXPECT_EQ(call(server, "nothing"), "error: script: Unknown tool (code -32602)");
  EXPECT_EQ(call(server, "asks"), "alive") << "it asked for our pulse first";
}

TEST_F(Mcp, OneProcessServesAllCalls) {
  McpServer server(spec());
  EXPECT_EQ(call(server, "count"), "1");
  EXPECT_EQ(call(server, "count"), "2");
}

TEST_F(Mcp, ManyThreadsGetEachItsOwnAnswer) {
  McpServer server(spec());
  std::vector<std::string> answers(16);
  std::vector<std::thread> threads;
  threads.reserve(answers.size());
  for (size_t i = 0; i < answers.size(); ++i)
    threads.emplace_back(
        [&, i] { answers[i] = call(server, "echo", {{"text", std::to_string(i)}}); });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], std::to_string(i));
}

TEST_F(Mcp, AServerThatEndsSaysWhyAndIsStartedAgain) {
  McpServer server(spec());
  EXPECT_EQ(call(server, "count"), "1");
  const std::string error = call(server, "crash");
  EXPECT_THAT(error, HasSubstr("it has ended"));
  EXPECT_THAT(error, HasSubstr("something terrible"));
  EXPECT_EQ(call(server, "count"), "1") << "a new process";
}

TEST_F(Mcp, ACallThatTakesTooLongIsGivenUpAndTheServerIsTold) {
  McpServerSpec slow = spec();
  slow.timeout_s = 0.2;
  McpServer server(slow);
  EXPECT_THAT(call(server, "slow"), HasSubstr("no answer to tools/call within 0.2 s"));
  EXPECT_EQ(call(server, "cancelled"), "yes");
}

TEST_F(Mcp, ACallEndsWhenItIsStoppedOrTheServerIs) {
  McpServer server(spec());
  EXPECT_EQ(server.call_tool("slow", Json::object(), [] { return true; }).error().fault,
            Fault::cancelled);
  std::string error;
  std::atomic<bool> waits{false};
  std::thread caller([&] {
    const auto noting = [&] {
      waits = true;
      return false;
    };
    error = server.call_tool("slow", Json::object(), noting).error().text;
  });
  while (!waits) std::this_thread::yield();
  server.close();
  caller.join();
  EXPECT_THAT(error, HasSubstr("was stopped"));
  EXPECT_THAT(call(server, "count"), HasSubstr("was stopped"));
}

TEST_F(Mcp, AServerThatDoesNotReadIsGivenUp) {
  McpServerSpec deaf = spec();
  deaf.command.command = {"sh", "-c",
                          "read -r line; sh " + folder_ / "once.sh" + "; exec sleep 100"};
  ASSERT_TRUE(write_file(folder_ / "once.sh",
                         "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"
                         "{\"protocolVersion\":\"2025-06-18\"}}'\n")
                  .has_value());
  deaf.timeout_s = 0.2;
  McpServer server(deaf);
  EXPECT_THAT(call(server, "echo", {{"text", std::string(1 << 22, 'x')}}),
              HasSubstr("does not read what it is sent"));
}

TEST_F(Mcp, WhatAServerLeavesRunningKeepsNobody) {
  McpServer server(spec());
  EXPECT_EQ(call(server, "leaves"), "left");
  server.close();
}

TEST_F(Mcp, AServerOfAnotherRevisionIsRefused) {
  McpServerSpec other = spec();
  other.command.environment = {"REVISION=1999-01-01"};
  EXPECT_THAT(McpServer(other).list_tools().error().text,
              HasSubstr("speaks revision '1999-01-01'"));
}

TEST_F(Mcp, AProgramThatIsNoServerIsSaidToBeNone) {
  McpServerSpec bad = spec();
  bad.command.command = {"quire-no-such-program"};
  EXPECT_THAT(McpServer(bad).list_tools().error().text,
              HasSubstr("script: quire-no-such-program: cannot be started"));
  bad.command.command = {"sh", "-c", "echo usage: something else >&2; exit 2"};
  EXPECT_THAT(McpServer(bad).list_tools().error().text, HasSubstr("usage: something else"));
}

TEST_F(Mcp, AServerThatCannotBeStartedIsNotTriedAgainAtOnce) {
  McpServerSpec bad = spec();
  bad.command.command = {"sh", "-c", "echo x >> \"$0\"; exit 2", folder_ / "starts"};
  McpServer server(bad);
  const std::string error = call(server, "echo");
  EXPECT_THAT(error, HasSubstr("does not answer any more"));
  EXPECT_EQ(call(server, "echo"), error);
  EXPECT_EQ(read_file(folder_ / "starts").value(), "x\n");
}

TEST_F(Mcp, CallsOfAServerThatHangsEndWhenTheyAreStopped) {
  McpServerSpec hanging = spec();
  hanging.command.command = {"sleep", "1000"};
  McpServer server(hanging);
  std::atomic<bool> waits{false}, enough{false};
  Fault first = Fault::io;
  std::thread caller([&] {
    const auto noting = [&] {
      waits = true;
      return enough.load();
    };
    first = server.call_tool("echo", Json::object(), noting).error().fault;
  });
  while (!waits) std::this_thread::yield();
  const auto second = server.call_tool("echo", Json::object(), [] { return true; });
  EXPECT_EQ(second.error().fault, Fault::cancelled) << "while the first one still waits";
  enough = true;
  caller.join();
  EXPECT_EQ(first, Fault::cancelled);
}

TEST_F(Mcp, ToolsComeIntoTheBoxUnderTheNameOfTheirServer) {
  McpServerSpec second = script_spec(folder_, "second"), bad = script_spec(folder_, "bad");
  bad.command.command = {"quire-no-such-program"};
  Toolbox box;
  std::vector<std::string> lines;
  add_mcp_tools({std::make_shared<McpServer>(spec()), std::make_shared<McpServer>(bad),
                 std::make_shared<McpServer>(second), std::make_shared<McpServer>(spec())},
                box, [&](const std::string& line) { lines.push_back(line); });
  ASSERT_EQ(box.tools().size(), 6u);
  EXPECT_EQ(lines.size(), 4u) << "of the bad one, and of three names that are taken";
  const Tool* tool = box.find("second_echo");
  ASSERT_NE(tool, nullptr);
  EXPECT_TRUE(tool->info.writes);
  EXPECT_FALSE(box.find("second_count")->info.writes);
  const Json arguments = {{"text", "hi"}};
  const auto place = host_place("");
  EXPECT_EQ(tool->run({.arguments = arguments, .place = *place}).value().text, "hi");
}

TEST(McpConfig, IsReadAsOtherProgramsWriteIt) {
  const McpConfig config = parse_mcp_config(R"({"mcpServers": {
      "a": {"command": "prog", "args": ["-x", "y z"], "env": {"K": "v"}, "cwd": "/tmp",
            "timeout_ms": 500, "type": "stdio"},
      "far": {"url": "https://mcp.example"},
      "b": {"command": "other"}}})",
                                            "file")
                               .value();
  EXPECT_EQ(config.remote, std::vector<std::string>{"far"});
  const auto& specs = config.servers;
  ASSERT_EQ(specs.size(), 2u);
  EXPECT_EQ(specs[0].name, "a");
  EXPECT_EQ(specs[0].command.command, (std::vector<std::string>{"prog", "-x", "y z"}));
  EXPECT_EQ(specs[0].command.environment, std::vector<std::string>{"K=v"});
  EXPECT_EQ(specs[0].command.folder, "/tmp");
  EXPECT_EQ(specs[0].timeout_s, 0.5);
  EXPECT_EQ(specs[1].timeout_s, 30);
  EXPECT_TRUE(parse_mcp_config(R"({"mcpServers": {}})", "file").value().servers.empty());
}

TEST(McpConfig, WhatIsWrongIsNamed) {
  const auto error = [](std::string_view text) {
    return parse_mcp_config(text, "file").error().text;
  };
  EXPECT_THAT(error("not json"), HasSubstr("file: JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("'mcpServers'"));
  EXPECT_THAT(error(R"({"mcpServers": []})"), HasSubstr("'mcpServers'"));
  const auto server = [&](const std::string& entry) {
    return error(R"({"mcpServers": {"a": )" + entry + "}}");
  };
  EXPECT_EQ(server("7"), "file: MCP server 'a': is no object");
  EXPECT_THAT(server("{}"), HasSubstr("'command' is missing"));
  EXPECT_THAT(server(R"({"command": 1})"), HasSubstr("'command' has something else than texts"));
  EXPECT_THAT(server(R"({"command": "x", "args": "y"})"), HasSubstr("'args' is no array"));
  EXPECT_THAT(server(R"({"command": "x", "args": [1]})"), HasSubstr("'args' has something"));
  EXPECT_THAT(server(R"({"command": "x", "env": {"A": 1}})"), HasSubstr("'env' has something"));
  EXPECT_THAT(server(R"({"command": "x", "timeout_ms": 0})"), HasSubstr("'timeout_ms' is no"));
}

TEST(McpMessages, AreReadOrRefused) {
  const auto kind = [](std::string_view text) { return parse_mcp_message(text, "x").value().kind; };
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":1,"result":{}})"), McpMessage::Kind::answer);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","id":"a","method":"ping"})"), McpMessage::Kind::request);
  EXPECT_EQ(kind(R"({"jsonrpc":"2.0","method":"x"})"), McpMessage::Kind::notification);
  EXPECT_EQ(parse_mcp_message(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}})", "x")
                .value()
                .error_text,
            "no (code -1)");
  for (const char* bad : {"", "[]", "{}", R"({"jsonrpc":"1.0","id":1,"result":1})",
                          R"({"jsonrpc":"2.0"})", R"({"jsonrpc":"2.0","id":[],"result":1})",
                          R"({"jsonrpc":"2.0","result":1})", R"({"jsonrpc":"2.0","error":3})"})
    EXPECT_FALSE(parse_mcp_message(bad, "x").has_value()) << bad;
}

TEST(McpMessages, ContentOfEveryKindBecomesText) {
  const auto text = [](const char* json) {
    return read_tool_answer(Json::parse(json), "x").value().text;
  };
  EXPECT_EQ(text(R"({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})"),
            "a\nb");
  EXPECT_EQ(text(R"({"content": [{"type": "image", "mimeType": "image/png", "data": "xx"}]})"),
            "[image: image/png]");
  EXPECT_EQ(text(R"({"content": [{"type": "resource", "resource": {"text": "r"}}]})"), "r");
  EXPECT_EQ(text(R"({"content": [], "structuredContent": {"n": 1}})"), R"({"n":1})");
  EXPECT_EQ(text("{}"), "");
  EXPECT_FALSE(read_tool_answer(Json::array(), "x").has_value());
  EXPECT_FALSE(read_tool_page(Json::object(), "x").has_value());
}

}  // namespace
}  // namespace quire::agent
