// Flags of `quire serve` for tools that it runs itself; nothing of it is there without one of them.
#pragma once
#include "cli/command_line.h"
#include "server/app.h"

#include <string>

namespace quire {

struct ToolFlags {
  std::string builtin, runtime, mcp_file, mcp_json;
  std::string proxy;  // "yes", "no"; "": as `agent` has it
  bool agent = false;
};

void add_tool_flags(CommandLine& app, ToolFlags& flags);
// Whether what is asked for reads, writes or runs something for whoever may come in.
bool gives_tools(const ToolFlags& flags);
// Makes the tools: usage for those that are not there.
Result<void> apply(const ToolFlags& flags, server::AppOptions& options);

}  // namespace quire
