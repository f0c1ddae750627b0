// tool_choice as a grammar: what an answer may be so that it calls what it must, in the words of
// its model's family.
#pragma once
#include "base/result.h"
#include "chat/reply_format.h"
#include "chat/tools.h"
#include "grammar/output_grammar.h"

#include <optional>
#include <span>

namespace quire {

enum class ParallelCalls : uint8_t { one, many };

// What to generate under (grammar/output_grammar.h). Nothing for `none` and for no tools. With
// `automatic` the answer is free until the family's marker of a call, and then a valid call; where
// a family has no marker it is free. usage when the choice names no tool of the list; otherwise the
// errors of a tool's schema, which name the tool.
Result<std::optional<OutputGrammar>> tool_grammar(const ReplyFormat& format,
                                                  std::span<const Tool> tools,
                                                  const ToolChoice& choice, ParallelCalls parallel);

}  // namespace quire
