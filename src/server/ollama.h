// What Ollama's endpoints share (Ollama API reference, docs/api.md): options under its names,
// keep_alive, times in nanoseconds.
#pragma once
#include "server/chat.h"
#include "server/fields.h"

namespace quire::server {

struct OllamaForm {
  std::string model;
  std::optional<double> keep_alive_s;
  bool stream = true;
  SamplingParams sampling;
  int64_t n_predict = -1;
  std::vector<std::string> stop;
  SequenceFields sequence{};
  bool truncate = false;
  bool logprobs = false;
  int32_t n_top_logprobs = 0;
  std::string note;  // what could not be as asked, for x-quire-note
};

// "5m", "1h30m", 300, -1, 0
ApiResult<std::optional<double>> read_keep_alive(Fields& fields);
// Everything but the prompt. num_ctx beyond the server's context gives a note.
ApiResult<OllamaForm> read_ollama_form(const App& app, const Json& body, const ServedModel& model);
// "model", or "name" as older clients say.
ApiResult<std::string> ollama_model_name(const Json& body);
// The model that the body names, loaded. `what` is asked of it, "chat" or "generate", which
// encoders do not support; any: encoders too.
ApiResult<std::shared_ptr<ServedModel>> ollama_model(App& app, const Json& body, Exchange& exchange,
                                                     const char* what);
ApiResult<std::shared_ptr<ServedModel>> any_ollama_model(App& app, const Json& body,
                                                         Exchange& exchange);

// The body of /api/create: fields as Ollama has them (from, files, adapters, template, system,
// parameters, messages, license), or a whole `modelfile`.
ApiResult<CreateRequest> read_create_request(const Json& body);

// Durations and counts of a finished answer.
void add_ollama_totals(Json& json, const ChatTotals& totals, double total_s, double load_s);
// "stop", "length", "load", "unload"
const char* ollama_done_reason(const Outcome& outcome);
// Whether the body asks for the model to be unloaded: keep_alive 0.
bool asks_unload(const Json& body);
// {"format", "family", "parameter_size", ...} of a model.
Json ollama_details(const std::string& path);

}  // namespace quire::server
