// Fields that several APIs share: how tokens are drawn, where an answer ends, which form it has.
#pragma once
#include "server/app.h"
#include "server/fields.h"

namespace quire::server {

// temperature, top_p, top_k, min_p, ..., seed, logit_bias, under the names of the OpenAI API and of
// llama.cpp's server. Without a seed, or with -1, a new one.
void read_sampling(Fields& fields, const App& app, const Tokenizer& tokenizer,
                   SamplingParams& params);
// stop: a string or an array of them.
std::vector<std::string> read_stop(Fields& fields, const App& app, const char* name = "stop");

// The form of the answer: response_format (text, json_object, json_schema, regex, grammar), or
// grammar (GBNF), json_schema, guided_json, guided_regex, guided_choice, guided_grammar. Nothing
// when none is asked for; 400 for a form that cannot be kept to, before anything is generated.
ApiResult<std::optional<OutputGrammar>> read_grammar(const Json& body);
// The same of one schema, "json" or null, as Ollama's `format` has it.
ApiResult<std::optional<OutputGrammar>> read_format(const Json* format, const char* name);

// 400 with both counts when the prompt leaves no room in the context for an answer.
ApiResult<void> check_context(const ServedModel& model, size_t n_prompt);

}  // namespace quire::server
