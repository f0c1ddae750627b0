// Toolset: the tools that a program was started with, and where they work.
#pragma once
#include "agent/mcp_server.h"
#include "agent/runtime.h"
#include "agent/tool.h"

#include <atomic>

namespace quire::agent {

struct ToolsetOptions {
  std::vector<std::string> builtin{};  // names of built-in tools, or "all"
  std::string runtime{};               // where they work (runtime.h); "": this machine
  std::vector<McpServerSpec> mcp_servers{};
  std::function<void(const std::string&)> log{};  // of MCP servers that do not work
};

// May be used from many threads.
class Toolset {
 public:
  // usage for a tool or a runtime that is not there; what a container's engine says. MCP servers
  // are started to be asked for their tools; those that do not work are done without.
  static Result<std::unique_ptr<Toolset>> create(const ToolsetOptions& options);

  const Toolbox& toolbox() const { return toolbox_; }
  // Whether a call may choose where it works: not when the program was started with a runtime.
  bool lets_choose(const std::string& runtime) const;
  // runtime "", or where nothing else may be chosen: the one that the tools have.
  Result<std::unique_ptr<Place>> place(const std::string& runtime, const std::string& folder) const;
  // Calls that run must end soon, no others are begun, MCP servers are stopped.
  void end();
  bool is_ending() const { return ending_; }

 private:
  Toolset() = default;
  std::atomic<bool> ending_{false};
  std::unique_ptr<OwnRuntime> runtime_;  // null: this machine
  std::vector<std::shared_ptr<McpServer>> mcp_servers_;
  Toolbox toolbox_;
};

}  // namespace quire::agent
