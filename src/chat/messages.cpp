// Messages, tools and variables from JSON, checked as far as any template relies on them.
#include "chat/chat_template.h"
#include "jinja/json.h"

namespace quire {
namespace {

using jinja::Dict;
using jinja::Kind;
using jinja::Value;

Result<void> check_message(const Value& message, std::string_view name, size_t i) {
  if (!message.is(Kind::dict))
    return fail(Fault::bad_format, "{}: message {} is no object, but {}", name, i,
                type_name(message));
  const Value* role = message.dict().find(std::string_view("role"));
  if (role == nullptr || !role->is(Kind::string))
    return fail(Fault::bad_format, "{}: message {} has no \"role\" that is a string", name, i);
  const Value* content = message.dict().find(std::string_view("content"));
  if (content != nullptr && !content->is(Kind::string) && !content->is(Kind::list) &&
      !content->is(Kind::none))
    return fail(Fault::bad_format,
                "{}: the \"content\" of message {} is {}; it is a string, a list of parts, or null",
                name, i, type_name(*content));
  const Value* calls = message.dict().find(std::string_view("tool_calls"));
  if (calls == nullptr || calls->is(Kind::none)) return {};
  if (!calls->is(Kind::list))
    return fail(Fault::bad_format, "{}: the \"tool_calls\" of message {} are no list", name, i);
  for (const Value& call : calls->sequence().items)
    if (!call.is(Kind::dict))
      return fail(Fault::bad_format, "{}: a tool call of message {} is no object", name, i);
  return {};
}

}  // namespace

Result<Value> parse_messages(std::string_view json, std::string_view name) {
  Value messages = TRY(jinja::parse_json_value(json, name));
  // Also a whole request, as it is sent to a server.
  if (messages.is(Kind::dict))
    if (const Value* inside = messages.dict().find(std::string_view("messages")); inside != nullptr)
      messages = Value(*inside);
  if (!messages.is(Kind::list))
    return fail(Fault::bad_format, "{}: the messages are no list, but {}", name,
                type_name(messages));
  if (messages.sequence().items.empty())
    return fail(Fault::bad_format, "{}: the list of messages is empty", name);
  size_t i = 0;
  for (const Value& message : messages.sequence().items) TRY(check_message(message, name, i++));
  return messages;
}

Result<Value> parse_tools(std::string_view json, std::string_view name) {
  const Value tools = TRY(jinja::parse_json_value(json, name));
  if (!tools.is(Kind::list))
    return fail(Fault::bad_format, "{}: the tools are no list, but {}", name, type_name(tools));
  jinja::Values wrapped;
  for (const Value& tool : tools.sequence().items) {
    if (!tool.is(Kind::dict))
      return fail(Fault::bad_format, "{}: tool {} is no object, but {}", name, wrapped.size(),
                  type_name(tool));
    if (tool.dict().find(std::string_view("function")) != nullptr ||
        tool.dict().find(std::string_view("type")) != nullptr ||
        tool.dict().find(std::string_view("name")) == nullptr) {
      wrapped.push_back(tool);
      continue;
    }
    auto dict = std::make_shared<Dict>();
    dict->set(Value(std::string("type")), Value(std::string("function")));
    dict->set(Value(std::string("function")), tool);
    wrapped.push_back(make_dict(std::move(dict)));
  }
  return make_list(std::move(wrapped));
}

Result<Value> parse_template_kwargs(std::string_view json, std::string_view name) {
  Value kwargs = TRY(jinja::parse_json_value(json, name));
  if (!kwargs.is(Kind::dict))
    return fail(Fault::bad_format, "{}: {} instead of an object such as {{\"name\": true}}", name,
                type_name(kwargs));
  for (const char* taken : {"messages", "tools"})
    if (kwargs.dict().find(std::string_view(taken)) != nullptr)
      return fail(Fault::usage, "{}: '{}' cannot be set as a variable of the template", name,
                  taken);
  return kwargs;
}

Value make_message(std::string role, std::string content, std::string reasoning) {
  auto dict = std::make_shared<Dict>();
  dict->set(Value(std::string("role")), Value(std::move(role)));
  dict->set(Value(std::string("content")), Value(std::move(content)));
  if (!reasoning.empty())
    dict->set(Value(std::string("reasoning_content")), Value(std::move(reasoning)));
  return make_dict(std::move(dict));
}

Value make_messages(std::vector<Value> messages) { return make_list(std::move(messages)); }

}  // namespace quire
