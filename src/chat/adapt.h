// Messages put into the form that a template understands.
//
//   parts of text where it wants a text        joined with line feeds
//   a text where it wants parts                one part
//   "system" where it has no such role         leads the next message of the user
//   arguments of tool calls                    a dict or JSON in a string, as it wants
//   tools, calls, responses it has no word for JSON in ordinary messages
#pragma once
#include "base/function_ref.h"
#include "chat/chat_template.h"

namespace quire {

struct AdaptedMessages {
  jinja::Value messages;
  std::vector<std::string> notes;
};

// unsupported for parts that are no text.
Result<AdaptedMessages> adapt_messages(const jinja::Value& messages, const jinja::Value& tools,
                                       const ChatCapabilities& capabilities);

// Finds out what a template understands. `render` gives its text, or nothing when it refuses.
using TryRender = FunctionRef<std::optional<std::string>(const jinja::Value& messages,
                                                         const jinja::Value& tools)>;
ChatCapabilities find_capabilities(TryRender render);

}  // namespace quire
