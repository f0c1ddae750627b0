// A conversation with an MCP server over a channel: the greeting, its tools, calls of them.
#pragma once
#include "agent/mcp_channel.h"

namespace quire::agent {

// May be used from many threads.
class McpClient {
 public:
  // Greets the server. unsupported when it speaks another revision; as McpChannel::request().
  static Result<std::unique_ptr<McpClient>> open(std::string name,
                                                 std::unique_ptr<McpChannel> channel,
                                                 double timeout_s,
                                                 const std::function<bool()>& stopped = {});
  // All pages, within the time.
  Result<std::vector<McpToolInfo>> list_tools(double timeout_s,
                                              const std::function<bool()>& stopped = {});
  // A tool that says it failed is an answer, not an error.
  Result<McpToolAnswer> call_tool(const std::string& tool, const Json& arguments, double timeout_s,
                                  const std::function<bool()>& stopped = {});
  bool is_open() const { return channel_->is_open(); }
  void close() { channel_->close(); }

 private:
  McpClient(std::string name, std::unique_ptr<McpChannel> channel)
      : name_(std::move(name)), channel_(std::move(channel)) {}
  const std::string name_;
  const std::unique_ptr<McpChannel> channel_;
};

}  // namespace quire::agent
