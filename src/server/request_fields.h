// Fields that several APIs share: how tokens are drawn, where an answer ends, which form it has.
#pragma once
#include "server/app.h"
#include "server/fields.h"

namespace quire::server {

// temperature, top_p, top_k, min_p, ..., seed, logit_bias, under the names of the OpenAI API and of
// llama.cpp's server; what the request does not say the model's own parameters do, then `params`.
// Without a seed, or with -1, a new one.
void read_sampling(Fields& fields, const App& app, const ServedModel& model,
                   SamplingParams& params);
// stop: a string or an array of them; without it those of the model's own parameters.
std::vector<std::string> read_stop(Fields& fields, const App& app, const ServedModel& model,
                                   const char* name = "stop");
// cache_prompt: false: the request shares nothing with others.
void read_cache_use(Fields& fields, const App& app, Request& request);
// num_predict of the model's own parameters, else -1.
int64_t stored_n_predict(const ServedModel& model);
// 400 when the model's own parameters are not sound.
ApiResult<void> check_parameters(const App& app, const ServedModel& model);

// Of a beam search (beam_search.h).
struct BeamOptions {
  size_t width = 0;  // 0: none
  size_t n = 1;      // answers, at most the width
  double length_penalty = 1;
};

// What sets a request apart from others of the same prompt.
struct SequenceFields {
  std::vector<float> strengths;  // as Request has them; empty: the server's
  std::string cache_salt;
  std::vector<int32_t> stop_tokens;     // end the answer, too
  int64_t n_least = 0;                  // tokens of the answer before it may end by itself
  std::vector<int32_t> allowed_tokens;  // no others are drawn; empty: all are
  void put_into(HostRequest& host) const;
};
// lora: [{"id", "scale"}], as llama.cpp's server has it: LoRA adapters that are not named do
// nothing. cache_salt: as vLLM has it, requests of one text share what is cached with each other
// only; stop_token_ids, min_tokens and allowed_token_ids as vLLM has them. prompt_cache_key
// (OpenAI) is a hint where to look, and here everything is found.
SequenceFields read_sequence_fields(Fields& fields, const ServedModel& model);
// The strengths of such a list of adapters; complains about the field `name`.
std::vector<float> read_lora_scales(Fields& fields, const char* name, const Json& list,
                                    const ServedModel& model);

// The form of the answer: response_format (text, json_object, json_schema, regex, grammar), or
// grammar (GBNF or Lark), json_schema, guided_json, guided_regex, guided_choice, guided_grammar,
// structured_outputs as vLLM has them, regex and ebnf as SGLang does. Nothing
// when none is asked for; 400 for a form that cannot be kept to, before anything is generated.
ApiResult<std::optional<OutputGrammar>> read_grammar(const Json& body);
// The same of one schema, "json" or null, as Ollama's `format` has it.
ApiResult<std::optional<OutputGrammar>> read_format(const Json* format, const char* name);

// 400 with both counts when the prompt leaves no room in the context for an answer.
ApiResult<void> check_context(const ServedModel& model, size_t n_prompt);
// The same of texts: "what" has n tokens, at most n_max are read.
ApiError too_long(const std::string& what, int64_t n, int64_t n_max);

}  // namespace quire::server
