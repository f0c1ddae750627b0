// What an MCP server says, and a configuration of servers: any bytes are read or refused, on one
// line.
#include "agent/mcp_server.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const auto& result) {
    if (!result.has_value() && result.error().text.find('\n') != std::string::npos) std::abort();
  };
  check(agent::parse_mcp_config(text, "fuzz"));
  const auto message = agent::parse_mcp_message(text, "fuzz");
  check(message);
  if (!message.has_value()) return 0;
  if (message->error_text.find('\n') != std::string::npos) std::abort();
  check(agent::read_tool_page(message->body, "fuzz"));
  check(agent::read_tool_answer(message->body, "fuzz"));
  // What is answered to it can be read.
  check(agent::parse_mcp_message(agent::mcp_answer_text(message->id, message->body), "fuzz"));
  return 0;
}
