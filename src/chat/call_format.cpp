#include "chat/call_format.h"

#include "chat/call_readers.h"

#include <algorithm>

namespace quire {

CallText::Answer CallText::skip(std::string_view text) {
  const size_t n = std::min(rest.size(), text.size());
  if (rest.substr(0, n) != text.substr(0, n)) return Answer::no;
  if (n < text.size()) return last ? Answer::no : Answer::unknown;
  take(n);
  return Answer::yes;
}

CallText::Answer CallText::take_until(std::string_view text, std::string& before) {
  const size_t at = rest.find(text);
  if (at != rest.npos) {
    before += rest.substr(0, at);
    take(at + text.size());
    return Answer::yes;
  }
  // The end may be the beginning of it.
  size_t n_held = std::min(rest.size(), text.size() - 1);
  while (n_held > 0 && !text.starts_with(rest.substr(rest.size() - n_held))) --n_held;
  if (last) n_held = 0;
  before += rest.substr(0, rest.size() - n_held);
  take(rest.size() - n_held);
  return last ? Answer::no : Answer::unknown;
}

std::vector<std::string> call_markers(ToolStyle style) {
  switch (style) {
    case ToolStyle::none:
    case ToolStyle::harmony:
      return {};
    case ToolStyle::generic:
      return {"{", "["};
    case ToolStyle::hermes:
    case ToolStyle::qwen_xml:
      return {"<tool_call>"};
    case ToolStyle::llama3:
      return {"<|python_tag|>", "{"};
    case ToolStyle::mistral:
      return {"[TOOL_CALLS]"};
    case ToolStyle::deepseek:
    case ToolStyle::deepseek31:
      return {"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"};
    case ToolStyle::command_r:
      return {"<|START_ACTION|>", "Action:"};
    case ToolStyle::functionary:
      return {"<function="};
    case ToolStyle::firefunction:
      return {"functools["};
  }
  return {};
}

std::unique_ptr<CallFormat> make_call_format(ToolStyle style, std::string_view marker) {
  switch (style) {
    case ToolStyle::hermes:
      return std::make_unique<TaggedObjects>();
    case ToolStyle::qwen_xml:
      return std::make_unique<TaggedParameters>();
    case ToolStyle::llama3:
      if (marker != "{") return std::make_unique<PythonTag>();
      return std::make_unique<BareObjects>(marker);
    case ToolStyle::mistral:
      return std::make_unique<MistralCalls>();
    case ToolStyle::deepseek:
    case ToolStyle::deepseek31:
      return std::make_unique<DeepSeekCalls>(marker);
    case ToolStyle::command_r:
      return std::make_unique<ActionList>(marker);
    case ToolStyle::functionary:
      return std::make_unique<FunctionTags>();
    case ToolStyle::firefunction:
      return std::make_unique<BareObjects>("[");  // the marker has it
    default:
      return std::make_unique<BareObjects>(marker);
  }
}

}  // namespace quire
