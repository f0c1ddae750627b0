// Texts continued, without a chat around them: what /v1/completions, /completion, /infill and
// /api/generate share.
#pragma once
#include "server/app.h"
#include "server/chat.h"

#include <functional>

namespace quire::server {

// The ids of a prompt as APIs write it: a text, an array of ids, or an array of both.
ApiResult<std::vector<int32_t>> prompt_tokens(const Tokenizer& tokenizer, const Json& prompt,
                                              const char* name, AddSpecial add);
// Prompts of a request: one of the above, or an array of them, at most n_max.
ApiResult<std::vector<std::vector<int32_t>>> prompts_of(const Tokenizer& tokenizer,
                                                        const Json& prompt, const char* name,
                                                        size_t n_max);
// Whether an array is one prompt of ids and texts, or holds several.
bool is_one_prompt(const Json& prompt);

using OnEvent = std::function<bool(const Generation::Event&)>;
// Generates; on_event hears of everything, and says false when nobody listens any more. Totals are
// sums over the requests.
ApiResult<ChatTotals> run_text(ServedModel& model, std::vector<HostRequest> requests,
                               Exchange& exchange, const OnEvent& on_event);

}  // namespace quire::server
