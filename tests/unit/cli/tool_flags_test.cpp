#include "cli/tool_flags.h"

#include "agent/toolset.h"

#include <gtest/gtest.h>

namespace quire {
namespace {

server::AppOptions applied_tools(std::vector<std::string> arguments) {
  ToolFlags flags;
  CommandLine app("serve", "quire serve");
  add_tool_flags(app, flags);
  EXPECT_TRUE(app.parse(std::move(arguments)).has_value());
  server::AppOptions options;
  EXPECT_TRUE(apply(flags, options).has_value());
  EXPECT_EQ(gives_tools(flags), options.proxy || options.tools != nullptr);
  return options;
}

TEST(ToolFlags, AgentIsAllToolsAndTheProxyUnlessTheseSayOtherwise) {
  const server::AppOptions all = applied_tools({"--agent"});
  EXPECT_TRUE(all.proxy);
  EXPECT_GT(all.tools->toolbox().tools().size(), 1u);
  const server::AppOptions one = applied_tools({"--agent", "--tools", "get_info"});
  EXPECT_TRUE(one.proxy);
  EXPECT_EQ(one.tools->toolbox().tools().size(), 1u);
  EXPECT_FALSE(applied_tools({"--agent", "--no-ui-mcp-proxy"}).proxy);
}

TEST(ToolFlags, OfASwitchTheLastOneCounts) {
  const server::AppOptions none = applied_tools({"--agent", "--no-agent"});
  EXPECT_FALSE(none.proxy);
  EXPECT_EQ(none.tools, nullptr);
  EXPECT_TRUE(applied_tools({"--no-agent", "--agent"}).proxy);
  EXPECT_FALSE(applied_tools({"--mcp-proxy", "--no-webui-mcp-proxy"}).proxy);
  EXPECT_TRUE(applied_tools({"--no-mcp-proxy", "--ui-mcp-proxy"}).proxy);
}

}  // namespace
}  // namespace quire
