#include "agent/mcp_message.h"

#include "format/json.h"
#include "format/printable.h"

#include <algorithm>

namespace quire::agent {
namespace {

constexpr size_t n_tools_max = 1000;  // on one page
constexpr size_t name_bytes_max = 128;

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_member(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> error_text_of(const Json& error, std::string_view name) {
  if (!error.is_object()) return fail(Fault::bad_format, "{}: an error that is no object", name);
  const Json* code = member(error, "code");
  std::string said = printable(text_member(error, "message"), 1000);
  if (code == nullptr || !code->is_number_integer()) return said;
  return fmt::format("{} (code {})", said, line_of(*code));
}

}  // namespace

Result<McpMessage> parse_mcp_message(std::string_view text, std::string_view name) {
  Json json = TRY(parse_ordered_json(text, name));
  if (!json.is_object()) return fail(Fault::bad_format, "{}: a message that is no object", name);
  if (text_member(json, "jsonrpc") != "2.0")
    return fail(Fault::bad_format, "{}: a message that is not of JSON-RPC 2.0", name);
  McpMessage message;
  if (const Json* id = member(json, "id"); id != nullptr) {
    if (!id->is_number_integer() && !id->is_string())
      return fail(Fault::bad_format, "{}: a message whose id is neither number nor text", name);
    message.id = *id;
  }
  message.method = text_member(json, "method");
  if (!message.method.empty()) {
    message.kind =
        message.id.is_null() ? McpMessage::Kind::notification : McpMessage::Kind::request;
    if (const Json* parameters = member(json, "params")) message.body = *parameters;
    return message;
  }
  if (const Json* error = member(json, "error")) {
    message.kind = McpMessage::Kind::error;
    message.error_text = TRY(error_text_of(*error, name));
    return message;
  }
  const Json* result = member(json, "result");
  if (result == nullptr || message.id.is_null())
    return fail(Fault::bad_format, "{}: a message that neither asks nor answers", name);
  message.kind = McpMessage::Kind::answer;
  message.body = *result;
  return message;
}

std::string mcp_request_text(int64_t id, std::string_view method, const Json& parameters) {
  return line_of({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", parameters}});
}

std::string mcp_notification_text(std::string_view method, const Json& parameters) {
  return line_of({{"jsonrpc", "2.0"}, {"method", method}, {"params", parameters}});
}

std::string mcp_answer_text(const Json& id, const Json& result) {
  return line_of({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
}

std::string mcp_error_text(const Json& id, int code, std::string_view message) {
  return line_of(
      {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

Result<McpToolPage> read_tool_page(const Json& result, std::string_view name) {
  const Json* list = member(result, "tools");
  if (list == nullptr || !list->is_array())
    return fail(Fault::bad_format, "{}: a list of tools without 'tools'", name);
  if (list->size() > n_tools_max)
    return fail(Fault::limit, "{}: {} tools at once, at most {} are taken", name, list->size(),
                n_tools_max);
  McpToolPage page;
  page.next_cursor = text_member(result, "nextCursor");
  for (const Json& each : *list) {
    McpToolInfo tool;
    tool.name = text_member(each, "name");
    if (tool.name.empty() || tool.name.size() > name_bytes_max) continue;
    tool.title = text_member(each, "title");
    tool.description = text_member(each, "description");
    tool.parameters = {{"type", "object"}, {"properties", Json::object()}};
    if (const Json* schema = member(each, "inputSchema"); schema != nullptr && schema->is_object())
      tool.parameters = *schema;
    if (const Json* notes = member(each, "annotations")) {
      if (tool.title.empty()) tool.title = text_member(*notes, "title");
      const Json* only_reads = member(*notes, "readOnlyHint");
      tool.only_reads =
          only_reads != nullptr && only_reads->is_boolean() && only_reads->get<bool>();
    }
    page.tools.push_back(std::move(tool));
  }
  return page;
}

Result<McpToolAnswer> read_tool_answer(const Json& result, std::string_view name) {
  if (!result.is_object())
    return fail(Fault::bad_format, "{}: the answer of a tool is no object", name);
  McpToolAnswer answer;
  const Json* failed = member(result, "isError");
  answer.failed = failed != nullptr && failed->is_boolean() && failed->get<bool>();
  const Json* content = member(result, "content");
  if (content != nullptr && content->is_array()) {
    for (const Json& each : *content) {
      const std::string type = text_member(each, "type");
      const Json* resource = member(each, "resource");
      if (!answer.text.empty() && !answer.text.ends_with('\n')) answer.text += '\n';
      if (type == "text")
        answer.text += text_member(each, "text");
      else if (resource != nullptr && !text_member(*resource, "text").empty())
        answer.text += text_member(*resource, "text");
      else
        answer.text += fmt::format("[{}: {}]", printable(type.empty() ? "content" : type, 40),
                                   printable(text_member(each, "mimeType"), 80));
    }
  }
  // What older readers do not see in the content.
  const Json* structured = member(result, "structuredContent");
  if (answer.text.empty() && structured != nullptr) answer.text = line_of(*structured);
  return answer;
}

bool knows_mcp_revision(std::string_view revision) {
  return revision == "2024-11-05" || revision == "2025-03-26" || revision == mcp_revision;
}

}  // namespace quire::agent
