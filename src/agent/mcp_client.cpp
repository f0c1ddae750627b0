#include "agent/mcp_client.h"

#include "format/printable.h"

#include <chrono>

namespace quire::agent {
namespace {

constexpr int n_pages_max = 100;
constexpr size_t n_server_tools_max = 2000;

}  // namespace

Result<std::unique_ptr<McpClient>> McpClient::open(std::string name,
                                                   std::unique_ptr<McpChannel> channel,
                                                   double timeout_s,
                                                   const std::function<bool()>& stopped) {
  const Json greeting = {{"protocolVersion", mcp_revision},
                         {"capabilities", Json::object()},
                         {"clientInfo", {{"name", "quire"}, {"version", QUIRE_VERSION}}}};
  const Json answer = TRY(channel->request("initialize", greeting, timeout_s, stopped));
  const bool has_revision = answer.is_object() && answer.contains("protocolVersion") &&
                            answer["protocolVersion"].is_string();
  if (!has_revision)
    return fail(Fault::bad_format, "{}: the MCP server does not say which revision it speaks",
                name);
  const auto& revision = answer["protocolVersion"].get_ref<const std::string&>();
  if (!knows_mcp_revision(revision))
    return fail(Fault::unsupported,
                "{}: the MCP server speaks revision '{}'; those from 2024-11-05 to {} are known",
                name, printable(revision), mcp_revision);
  TRY(channel->notify("notifications/initialized", Json::object()));
  return std::unique_ptr<McpClient>(new McpClient(std::move(name), std::move(channel)));
}

Result<std::vector<McpToolInfo>> McpClient::list_tools(double timeout_s,
                                                       const std::function<bool()>& stopped) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<McpToolInfo> tools;
  Json parameters = Json::object();
  for (int i = 0; i < n_pages_max; ++i) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    const Json result =
        TRY(channel_->request("tools/list", parameters, timeout_s - passed.count(), stopped));
    McpToolPage page = TRY(read_tool_page(result, name_));
    for (McpToolInfo& tool : page.tools) tools.push_back(std::move(tool));
    if (tools.size() > n_server_tools_max) break;
    if (page.next_cursor.empty()) return tools;
    parameters["cursor"] = page.next_cursor;
  }
  return fail(Fault::limit, "{}: the MCP server lists more than {} tools, or its list does not end",
              name_, n_server_tools_max);
}

Result<McpToolAnswer> McpClient::call_tool(const std::string& tool, const Json& arguments,
                                           double timeout_s, const std::function<bool()>& stopped) {
  const Json result = TRY(channel_->request(
      "tools/call", {{"name", tool}, {"arguments", arguments}}, timeout_s, stopped));
  return read_tool_answer(result, name_);
}

}  // namespace quire::agent
