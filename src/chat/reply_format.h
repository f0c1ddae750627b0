// How the models of one family write what is not plain text: calls of tools, and thinking.
//
// There is no standard; each family was trained on the format of its chat template, so the
// template's text tells which it is. Sources: the published templates and model cards of each.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace quire {

enum class ToolStyle : uint8_t {
  none,        // the template knows no tools
  generic,     // it knows tools but no format that is known: a JSON object with name and arguments
  hermes,      // <tool_call>{"name": N, "arguments": {...}}</tool_call>    Hermes, Qwen 2.5 and 3
  qwen_xml,    // <tool_call><function=N><parameter=P>text</parameter></function></tool_call>
  llama3,      // {"name": N, "parameters": {...}}, perhaps behind <|python_tag|>   Llama 3.1 to 3.3
  mistral,     // [TOOL_CALLS][{"name": N, "arguments": {...}}] or [TOOL_CALLS]N[ARGS]{...}
  deepseek,    // <｜tool▁call▁begin｜>function<｜tool▁sep｜>N, then the JSON in a fence   V3, R1
  deepseek31,  // <｜tool▁call▁begin｜>N<｜tool▁sep｜>{...}<｜tool▁call▁end｜>             V3.1
  harmony,     // <|channel|>commentary to=functions.N <|message|>{...}<|call|>     gpt-oss
  command_r,   // <|START_ACTION|>[{"tool_name": N, "parameters": {...}}]<|END_ACTION|>
  functionary,   // <function=N>{...}</function>                              Functionary 3.1
  firefunction,  // functools[{"name": N, "arguments": {...}}]
};
const char* tool_style_name(ToolStyle style);  // "hermes", ...

enum class Opens : uint8_t { model, prompt };

struct ReplyFormat {
  ToolStyle tools = ToolStyle::none;
  // What stands around thinking; empty when the family does not think in its text. Those of
  // `harmony` are channels and need no markers.
  std::string think_open;   // "<think>"
  std::string think_close;  // "</think>"
};

// From the text of a Jinja chat template.
ReplyFormat find_reply_format(std::string_view chat_template);
// Who writes the marker that opens the thinking: the prompt as rendered (its end is looked at) or
// the model.
Opens who_opens_thinking(const ReplyFormat& format, std::string_view prompt);

}  // namespace quire
