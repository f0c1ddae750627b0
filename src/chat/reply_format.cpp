#include "chat/reply_format.h"

#include "chat/reply_text.h"

namespace quire {
namespace {

constexpr const char* style_names[] = {"none",    "generic",   "hermes",      "qwen_xml",
                                       "llama3",  "mistral",   "deepseek",    "deepseek31",
                                       "harmony", "command_r", "functionary", "firefunction"};

struct ThinkMarkers {
  const char* open;
  const char* close;
};
constexpr ThinkMarkers think_markers[] = {{"<think>", "</think>"},
                                          {"<|START_THINKING|>", "<|END_THINKING|>"},
                                          {"[THINK]", "[/THINK]"},
                                          {"<seed:think>", "</seed:think>"},
                                          {"<thinking>", "</thinking>"}};

}  // namespace

const char* tool_style_name(ToolStyle style) { return style_names[static_cast<size_t>(style)]; }

ReplyFormat find_reply_format(std::string_view chat_template) {
  const auto has = [&](std::string_view text) { return chat_template.find(text) != text.npos; };
  ReplyFormat format;
  if (has("<|channel|>") && has("<|message|>")) {
    format.tools = ToolStyle::harmony;
    return format;
  }
  if (has("<｜tool▁call▁begin｜>"))
    format.tools = has("```json") ? ToolStyle::deepseek : ToolStyle::deepseek31;
  else if (has("[TOOL_CALLS]"))
    format.tools = ToolStyle::mistral;
  else if (has("<|START_ACTION|>") || (has("Action:") && has("```json") && has("tool_name")))
    format.tools = ToolStyle::command_r;
  else if (has("<function=") && has("<parameter="))
    format.tools = ToolStyle::qwen_xml;
  else if (has("<tool_call>"))
    format.tools = ToolStyle::hermes;
  else if (has("<function="))
    format.tools = ToolStyle::functionary;
  else if (has("functools["))
    format.tools = ToolStyle::firefunction;
  else if (has("<|python_tag|>") || (has("<|start_header_id|>") && has("tools")))
    format.tools = ToolStyle::llama3;
  else if (has("tools") || has("tool_calls"))
    format.tools = ToolStyle::generic;
  for (const ThinkMarkers& markers : think_markers) {
    if (!has(markers.close)) continue;
    format.think_open = markers.open;
    format.think_close = markers.close;
    break;
  }
  return format;
}

Opens who_opens_thinking(const ReplyFormat& format, std::string_view prompt) {
  if (format.think_open.empty()) return Opens::model;
  return without_trailing_blanks(prompt).ends_with(format.think_open) ? Opens::prompt
                                                                      : Opens::model;
}

}  // namespace quire
