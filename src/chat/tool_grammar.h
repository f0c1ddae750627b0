// tool_choice as a grammar: what an answer may be so that it calls what it must, in the words of
// its model's family (reply_format.h).
#pragma once
#include "base/result.h"
#include "chat/reply_format.h"
#include "chat/tools.h"
#include "grammar/output_grammar.h"

#include <optional>
#include <span>

namespace quire {

enum class ParallelCalls : uint8_t { one, many };

// What to generate under (grammar/output_grammar.h); `opens` is who_opens_thinking().
//
//   required, named  thinking, where the family thinks, and then calls to the end of the answer
//   automatic        free until the family's marker of a call, then a call, then free again;
//   nothing
//                    where the family has no marker
//   none             nothing
//
// usage when there is no tool, when the choice names none of the list, or when the family has no
// calls; otherwise the errors of a tool's schema, which name the tool.
Result<std::optional<OutputGrammar>> tool_grammar(const ReplyFormat& format, Opens opens,
                                                  std::span<const Tool> tools,
                                                  const ToolChoice& choice, ParallelCalls parallel,
                                                  const GrammarLimits& limits = {});

}  // namespace quire
