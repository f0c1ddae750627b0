// Texts continued, without a chat around them: what /v1/completions, /completion, /infill and
// /api/generate share.
#pragma once
#include "server/app.h"
#include "server/chat.h"

#include <functional>

namespace quire::server {

// The ids of a prompt as APIs write it: a text, an array of ids, an array of both, or
// {"prompt_string": a text}.
ApiResult<std::vector<int32_t>> prompt_tokens(const Tokenizer& tokenizer, const Json& prompt,
                                              const char* name, AddSpecial add);
// Prompts of a request: one of the above, or an array of them, at most n_max.
ApiResult<std::vector<std::vector<int32_t>>> prompts_of(const Tokenizer& tokenizer,
                                                        const Json& prompt, const char* name,
                                                        size_t n_max);
// Whether an array is one prompt of ids and texts, or holds several.
bool is_one_prompt(const Json& prompt);

// Requests that name a slot (saved_slots.h): before they run, and when they have.
void name_slot(const App& app, const ServedModel& model, int64_t slot, Request& request);
void keep_slot(App& app, const ServedModel& model, int64_t slot, const std::vector<int32_t>& prompt,
               const Outcome& outcome);

// What is to happen after an event: more, the end of the answers, or nothing because nobody
// listens.
enum class Then : uint8_t { more, end, gone };
using OnEvent = std::function<Then(const Generation::Event&)>;
// Generates; on_event hears of everything until it says that nobody listens. Totals are sums over
// the requests.
ApiResult<ChatTotals> run_text(ServedModel& model, std::vector<HostRequest> requests,
                               Exchange& exchange, const OnEvent& on_event);
// The same with the n best answers of a search to each prompt, one after the other.
ApiResult<ChatTotals> run_beams(ServedModel& model, std::span<const HostRequest> prompts,
                                const BeamOptions& beams, Exchange& exchange,
                                const OnEvent& on_event);

}  // namespace quire::server
