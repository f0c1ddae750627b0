// A way to an MCP server: requests go there and come back answered. Of the transports of the
// specification there is stdio: a child process, one message a line.
#pragma once
#include "agent/mcp_message.h"
#include "base/process.h"

namespace quire::agent {

// May be used from many threads, which need not wait for each other.
class McpChannel {
 public:
  virtual ~McpChannel() = default;
  // Its result. limit after timeout_s (the server is told that nobody waits any more), cancelled
  // when stopped() says so, io when the server has ended, bad_format with what it says is wrong.
  virtual Result<Json> request(std::string_view method, const Json& parameters, double timeout_s,
                               const std::function<bool()>& stopped = {}) = 0;
  virtual Result<void> notify(std::string_view method, const Json& parameters) = 0;
  virtual bool is_open() const = 0;
  // Requests that wait fail with io, others too from now on.
  virtual void close() = 0;
};

// Starts the process; `name` opens the texts of errors. Its standard error is read, and its end
// stands in the error when the process ends. not_found and io as Child::start().
Result<std::unique_ptr<McpChannel>> open_stdio_channel(std::string name,
                                                       const ChildOptions& command);

}  // namespace quire::agent
