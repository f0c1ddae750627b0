#include "chat/adapt.h"

#include "jinja/json.h"

#include <algorithm>
#include <utility>

namespace quire {
namespace {

using jinja::Dict;
using jinja::Kind;
using jinja::Value;
using jinja::Values;

const Value* member(const Value& message, std::string_view key) {
  return message.is(Kind::dict) ? message.dict().find(key) : nullptr;
}

std::string_view text_of(const Value& message, std::string_view key) {
  const Value* value = member(message, key);
  return value != nullptr && value->is(Kind::string) ? value->string() : std::string_view();
}

// The message with `key` replaced, added, or left out when the value is missing.
Value with(const Value& message, std::string_view key, const Value& value) {
  auto dict = std::make_shared<Dict>();
  bool placed = false;
  for (const auto& [name, old] : message.dict().entries) {
    if (!name.is(Kind::string) || name.string() != key) {
      dict->set(name, old);
      continue;
    }
    placed = true;
    if (!value.is(Kind::missing)) dict->set(name, value);
  }
  if (!placed && !value.is(Kind::missing)) dict->set(Value(std::string(key)), value);
  return make_dict(std::move(dict));
}

Value text_part(std::string text) {
  auto dict = std::make_shared<Dict>();
  dict->set(Value(std::string("type")), Value(std::string("text")));
  dict->set(Value(std::string("text")), Value(std::move(text)));
  return make_dict(std::move(dict));
}

// The text of a message whose content is a list of parts.
Result<std::string> joined_parts(const Value& parts, size_t index) {
  std::string text;
  bool first = true;
  for (const Value& part : parts.sequence().items) {
    const std::string_view type = text_of(part, "type");
    const Value* one = part.is(Kind::string) ? &part : member(part, "text");
    if (one == nullptr || !one->is(Kind::string))
      return fail(Fault::unsupported,
                  "message {}: a content part of type '{}'; this model takes text only", index,
                  type.empty() ? "?" : type);
    if (!first) text += '\n';
    first = false;
    text += one->string();
  }
  return text;
}

class Adapter {
 public:
  Adapter(const ChatCapabilities& can, const Value& tools) : can_(can), tools_(tools) {}

  Result<AdaptedMessages> run(const Value& messages) {
    lead_with_tools();
    size_t index = 0;
    for (const Value& message : messages.sequence().items) TRY(take(message, index++));
    if (!lead_.empty()) out_.push_back(message("user", std::exchange(lead_, {})));
    return AdaptedMessages{jinja::make_list(std::move(out_)), std::move(notes_)};
  }

 private:
  Value message(std::string role, std::string text) const {
    return with(make_message(std::move(role), ""), "content", content(std::move(text)));
  }
  Value content(std::string text) const {
    if (can_.text_content) return Value(std::move(text));
    return jinja::make_list({text_part(std::move(text))});
  }
  void note(std::string text) {
    if (std::ranges::find(notes_, text) == notes_.end()) notes_.push_back(std::move(text));
  }
  bool has_tools() const { return tools_.is(Kind::list) && !tools_.sequence().items.empty(); }

  void lead_with_tools();
  Result<void> take(const Value& original, size_t index);
  Result<Value> with_content(const Value& message, size_t index);
  Result<Value> with_arguments(const Value& message);
  Result<Value> calls_as_text(const Value& message);
  Result<Value> response_as_text(const Value& message);
  void take_system(const Value& message);
  Value led(const Value& message);

  const ChatCapabilities& can_;
  const Value& tools_;
  Values out_;
  std::string lead_;  // what goes in front of the next message of the user
  std::vector<std::string> notes_;
};

// What a model is told whose template has no word for tools.
void Adapter::lead_with_tools() {
  if (can_.tools || !has_tools()) return;
  note("the template has no tools: they are described in the system message");
  std::string text =
      "You can use these tools; each is described by its name and the JSON schema of its "
      "arguments:\n";
  for (const Value& tool : tools_.sequence().items) {
    const Value* function = member(tool, "function");
    text += json_text(function != nullptr ? *function : tool).value_or("") + "\n";
  }
  text +=
      "To use tools, answer with nothing but a JSON list of this form: "
      R"([{"name": "...", "arguments": {...}}])"
      "\nTheir results come in the next message. Otherwise answer in plain text.";
  lead_ = std::move(text);
  if (!can_.system_role) return;
  out_.push_back(message("system", std::exchange(lead_, {})));
}

Result<void> Adapter::take(const Value& original, size_t index) {
  Value message = TRY(with_content(original, index));
  std::string_view role = text_of(message, "role");
  if (role == "developer" && !can_.developer_role) {
    message = with(message, "role", Value(std::string("system")));
    role = "system";
    note("the template has no role 'developer': it is called 'system'");
  }
  const Value* calls = member(message, "tool_calls");
  const bool has_calls =
      calls != nullptr && calls->is_sequence() && !calls->sequence().items.empty();
  if (has_calls && can_.tool_calls) message = TRY(with_arguments(message));
  if (has_calls && !can_.tool_calls) message = TRY(calls_as_text(message));
  if (role == "tool" && !can_.tool_responses) message = TRY(response_as_text(message));
  role = text_of(message, "role");
  // The description of the tools and the caller's system message are one.
  const bool after_tools = out_.size() == 1 && !can_.tools && has_tools() && can_.system_role;
  if (role == "system" && (!can_.system_role || (after_tools && index == 0))) {
    take_system(message);
    return {};
  }
  out_.push_back(role == "user" ? led(message) : message);
  return {};
}

Result<Value> Adapter::with_content(const Value& message, size_t index) {
  const Value* content = member(message, "content");
  if (content == nullptr) return message;
  if (content->is(Kind::list) && !can_.part_content) {
    note("the template has no content parts: their texts are joined");
    return with(message, "content", Value(TRY(joined_parts(*content, index))));
  }
  if (content->is(Kind::string) && !can_.text_content)
    return with(message, "content", this->content(std::string(content->string())));
  return message;
}

Result<Value> Adapter::with_arguments(const Value& message) {
  Values calls;
  for (const Value& call : member(message, "tool_calls")->sequence().items) {
    const Value* function = member(call, "function");
    const Value* arguments = function != nullptr ? member(*function, "arguments") : nullptr;
    calls.push_back(call);
    if (arguments == nullptr) continue;
    Value changed = *arguments;
    if (can_.object_arguments && arguments->is(Kind::string)) {
      const auto parsed = jinja::parse_json_value(arguments->string(), "arguments");
      if (parsed.has_value() && parsed->is(Kind::dict)) changed = *parsed;
    } else if (!can_.object_arguments && arguments->is(Kind::dict)) {
      changed = Value(TRY(jinja::json_text(*arguments)));
    }
    calls.back() = with(call, "function", with(*function, "arguments", changed));
  }
  return with(message, "tool_calls", make_list(std::move(calls)));
}

// The form that lead_with_tools() asks the model for.
Result<Value> Adapter::calls_as_text(const Value& message) {
  note("the template has no tool calls: they are JSON in the assistant's messages");
  Values calls;
  for (const Value& call : member(message, "tool_calls")->sequence().items) {
    const Value* function = member(call, "function");
    const Value& named = function != nullptr ? *function : call;
    auto dict = std::make_shared<Dict>();
    for (const char* key : {"name", "arguments"}) {
      const Value* value = member(named, key);
      if (value == nullptr) continue;
      Value plain = *value;
      if (value->is(Kind::string) && std::string_view(key) == "arguments")
        plain = jinja::parse_json_value(value->string(), "arguments").value_or(*value);
      dict->set(Value(std::string(key)), plain);
    }
    calls.push_back(make_dict(std::move(dict)));
  }
  std::string text(text_of(message, "content"));
  if (!text.empty()) text += '\n';
  text += TRY(jinja::json_text(jinja::make_list(std::move(calls))));
  return with(with(message, "tool_calls", {}), "content", content(std::move(text)));
}

Result<Value> Adapter::response_as_text(const Value& message) {
  note("the template has no tool responses: they are JSON in the user's messages");
  auto object = std::make_shared<Dict>();
  for (const char* key : {"name", "tool_call_id", "content"})
    if (const Value* value = member(message, key); value != nullptr)
      object->set(Value(std::string(key)), *value);
  auto outer = std::make_shared<Dict>();
  outer->set(Value(std::string("tool_response")), make_dict(std::move(object)));
  return this->message("user", TRY(jinja::json_text(make_dict(std::move(outer)))));
}

void Adapter::take_system(const Value& message) {
  const Value* value = member(message, "content");
  std::string text;
  if (value != nullptr && value->is(Kind::string)) text = value->string();
  if (value != nullptr && value->is(Kind::list)) text = joined_parts(*value, 0).value_or("");
  if (can_.system_role) {  // joined to the description of the tools
    const Value& tools = out_.back();
    const Value& before = *member(tools, "content");
    const std::string described = before.is(Kind::string) ? std::string(before.string())
                                                          : joined_parts(before, 0).value_or("");
    out_.back() = this->message("system", text + "\n\n" + described);
    return;
  }
  note("the template has no role 'system': its text leads the next message of the user");
  lead_ = lead_.empty() ? text : text + "\n\n" + lead_;
}

Value Adapter::led(const Value& message) {
  if (lead_.empty()) return message;
  const std::string lead = std::exchange(lead_, {}) + "\n\n";
  const Value* value = member(message, "content");
  if (value != nullptr && value->is(Kind::list)) {
    Values parts = value->sequence().items;
    parts.insert(parts.begin(), text_part(lead));
    return with(message, "content", make_list(std::move(parts)));
  }
  const std::string text =
      value != nullptr && value->is(Kind::string) ? std::string(value->string()) : "";
  return with(message, "content", Value(lead + text));
}

}  // namespace

Result<AdaptedMessages> adapt_messages(const Value& messages, const Value& tools,
                                       const ChatCapabilities& capabilities) {
  return Adapter(capabilities, tools).run(messages);
}

}  // namespace quire
