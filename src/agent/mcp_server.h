// MCP servers as a configuration names them: started when they are needed, again when they have
// ended, and stopped with the program.
//
//   {"mcpServers": {"NAME": {"command": "PROGRAM", "args": [...], "env": {...}, "cwd": "FOLDER",
//                            "timeout_ms": 30000}}}
#pragma once
#include "agent/mcp_client.h"
#include "agent/tool.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

namespace quire::agent {

struct McpServerSpec {
  std::string name;
  ChildOptions command;
  double timeout_s = 30;  // of a call
};

struct McpConfig {
  std::vector<McpServerSpec> servers;
  // Names of servers at an address, which other programs reach over HTTP: they are left out.
  std::vector<std::string> remote;
};
// bad_format naming the server and the field; `name` is that of the file or the flag.
Result<McpConfig> parse_mcp_config(std::string_view text, std::string_view name);

// May be used from many threads.
class McpServer {
 public:
  explicit McpServer(McpServerSpec spec) : spec_(std::move(spec)) {}
  const McpServerSpec& spec() const { return spec_; }
  Result<std::vector<McpToolInfo>> list_tools();
  // A server that has ended is started again, once for a call; a call that it ended in is not made
  // again: nobody knows what it did. One that could not be started is not tried again for some
  // seconds: calls get the error of the last time.
  Result<McpToolAnswer> call_tool(const std::string& tool, const Json& arguments,
                                  const std::function<bool()>& stopped);
  // Calls end with an error, now and later.
  void close();

 private:
  struct Failure {
    Error error;
    std::chrono::steady_clock::time_point at;
  };
  // Waits while another call starts it, unless stopped() says so.
  Result<std::shared_ptr<McpClient>> client(const std::function<bool()>& stopped);
  Result<std::unique_ptr<McpClient>> start(const std::function<bool()>& stopped) const;
  const McpServerSpec spec_;
  std::mutex mutex_;
  std::shared_ptr<McpClient> client_;
  std::optional<Failure> failure_;
  std::atomic<bool> closed_{false};
};

// Asks all servers at once which tools they have and puts these into the box, as SERVER_TOOL. What
// does not work is said to `log`, and the rest goes on.
void add_mcp_tools(const std::vector<std::shared_ptr<McpServer>>& servers, Toolbox& box,
                   const std::function<void(const std::string&)>& log);

}  // namespace quire::agent
