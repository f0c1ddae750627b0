// Messages of the Model Context Protocol: JSON-RPC 2.0, and what servers say about their tools.
// modelcontextprotocol.io, revision 2025-06-18: basic protocol, lifecycle, server features / tools.
//
// What comes from a server is never trusted: every reader here fails with bad_format, in one line.
#pragma once
#include "agent/tool.h"

#include <cstdint>

namespace quire::agent {

struct McpMessage {
  enum class Kind : uint8_t {
    request,       // id, method, body: its parameters
    notification,  // method, body
    answer,        // id, body: the result
    error,         // id, error_text
  };
  Kind kind = Kind::notification;
  Json id;  // as the other side wrote it: a number or a text
  std::string method;
  Json body;
  std::string error_text;  // "message (code -32601)"
};

// One message; `name` opens the error text.
Result<McpMessage> parse_mcp_message(std::string_view text, std::string_view name);

// Messages to send, without the end of the line.
std::string mcp_request_text(int64_t id, std::string_view method, const Json& parameters);
std::string mcp_notification_text(std::string_view method, const Json& parameters);
std::string mcp_answer_text(const Json& id, const Json& result);
std::string mcp_error_text(const Json& id, int code, std::string_view message);

// A tool as tools/list tells of it.
struct McpToolInfo {
  std::string name, title, description;
  Json parameters;          // the schema; of an object with no properties when there is none
  bool only_reads = false;  // it says of itself that it changes nothing
};

struct McpToolPage {
  std::vector<McpToolInfo> tools;
  std::string next_cursor;  // "": the last page
};
// The result of tools/list. Tools without a name are left out.
Result<McpToolPage> read_tool_page(const Json& result, std::string_view name);

// What a call of a tool gave.
struct McpToolAnswer {
  std::string text;     // the texts of its content, one after the other; other content by its kind
  bool failed = false;  // the tool says that it failed, and the text why
};
// The result of tools/call.
Result<McpToolAnswer> read_tool_answer(const Json& result, std::string_view name);

// The revision that we ask for, and those that a server may answer with.
inline constexpr const char* mcp_revision = "2025-06-18";
bool knows_mcp_revision(std::string_view revision);

}  // namespace quire::agent
