// What a template understands, found by rendering small chats with words that stand nowhere else.
#include "base/check.h"
#include "chat/adapt.h"
#include "jinja/json.h"

namespace quire {
namespace {

using jinja::Value;

constexpr std::string_view user = R"({"role": "user", "content": "ZQUSER"})";

Value parsed(const std::string& json) {
  auto value = jinja::parse_json_value(json, "probe");
  CHECK(value.has_value());
  return *value;
}

class Probe {
 public:
  explicit Probe(TryRender render) : render_(render) {}

  // Whether the chat can be rendered and every word is in its text.
  bool says(const std::string& messages, std::initializer_list<std::string_view> words,
            const Value& tools = {}) const {
    const auto text = render_(parsed("[" + messages + "]"), tools);
    if (!text) return false;
    for (const std::string_view word : words)
      if (text->find(word) == text->npos) return false;
    return true;
  }
  // One whose parts are written out as Python would show them has no word for parts.
  bool says_parts() const {
    const auto text = render_(
        parsed(R"([{"role": "user", "content": [{"type": "text", "text": "ZQPART"}]}])"), {});
    return text && text->find("ZQPART") != text->npos && text->find("'type'") == text->npos &&
           text->find("\"type\"") == text->npos;
  }

 private:
  TryRender render_;
};

std::string call_turn(std::string_view content, std::string_view arguments) {
  return fmt::format(
      R"({}, {{"role": "assistant", "content": {}, "tool_calls": [{{"id": "zqcall001", )"
      R"("type": "function", "function": {{"name": "zq_tool", "arguments": {}}}}}]}})",
      user, content, arguments);
}

}  // namespace

ChatCapabilities find_capabilities(TryRender render) {
  const Probe probe(render);
  ChatCapabilities can;
  can.text_content = probe.says(std::string(user), {"ZQUSER"});
  can.part_content = probe.says_parts();
  if (!can.part_content) can.text_content = true;  // then let errors be its own
  const auto content = [&](std::string_view word) {
    return can.text_content ? fmt::format("\"{}\"", word)
                            : fmt::format(R"([{{"type": "text", "text": "{}"}}])", word);
  };
  const auto message = [&](std::string_view role, std::string_view word) {
    return fmt::format(R"({{"role": "{}", "content": {}}})", role, content(word));
  };
  const std::string question = message("user", "ZQUSER");
  can.system_role = probe.says(message("system", "ZQSYS") + ", " + question, {"ZQSYS", "ZQUSER"});
  // Under its own name: some print any role, and some take every unknown one for the user's.
  can.developer_role =
      probe.says(message("developer", "ZQDEV") + ", " + question, {"ZQDEV", "developer"});

  const Value tools =
      parsed(R"([{"type": "function", "function": {"name": "zq_tool", "description": "ZQDESC",)"
             R"( "parameters": {"type": "object", "properties": {"zq_arg": {"type": "string",)"
             R"( "description": "ZQARG"}}, "required": ["zq_arg"]}}}])");
  can.tools = probe.says(question, {"zq_tool"}, tools);
  for (const char* empty : {"null", "\"\""}) {
    if (can.tool_calls) break;
    const std::string object = call_turn(empty, R"({"zq_arg": "ZQVALUE"})");
    const std::string text = call_turn(empty, R"("{\"zq_arg\": \"ZQVALUE\"}")");
    // A dict printed as it is has single quotes, a string made JSON once more has backslashes.
    for (const Value& given : {tools, Value()}) {
      const bool as_object = probe.says(object, {"zq_tool", "zq_arg", "ZQVALUE"}, given) &&
                             !probe.says(object, {"'zq_arg'"}, given);
      const bool as_text = probe.says(text, {"zq_tool", "\"zq_arg\"", "ZQVALUE"}, given);
      if (!as_object && !as_text) continue;
      can.tool_calls = true;
      can.object_arguments = as_object;
      const std::string response =
          fmt::format(R"(, {{"role": "tool", "name": "zq_tool", "tool_call_id": "zqcall001", )"
                      R"("content": {}}})",
                      content("ZQRESULT"));
      can.tool_responses = probe.says((as_object ? object : text) + response, {"ZQRESULT"}, given);
      break;
    }
  }
  return can;
}

}  // namespace quire
