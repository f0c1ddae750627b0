// App: what every route can reach, and the handler that finds the route of a request, checks and
// logs it.
#pragma once
#include "server/gate.h"
#include "server/http_server.h"
#include "server/json.h"
#include "server/load_series.h"
#include "server/metrics.h"
#include "server/model_events.h"
#include "server/model_facts.h"
#include "server/registry.h"
#include "server/request_log.h"
#include "server/responses_store.h"
#include "server/saved_slots.h"
#include "server/saved_state.h"
#include "server/web_files.h"

#include <chrono>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

namespace quire::agent {
class Toolset;
}

namespace quire::server {

// Of what a request may ask for; each is a flag and each is answered with a 4xx beyond.
struct RequestLimits {
  int64_t n_choices_max = 16;
  int64_t n_predict_max = INT32_MAX;
  int json_depth_max = 64;
  int64_t n_stop_max = 16;
  int64_t n_logit_bias_max = 1024;
  int64_t n_top_logprobs_max = 20;
  int64_t n_inputs_max = 256;  // of one request to complete, to embed or to rank
  uint64_t template_steps_max = 20'000'000;
};

// The web app: its files at /, what it needs of the server below /app/api.
struct WebOptions {
  bool enabled = true;  // otherwise all of it is 404
  std::span<const WebFile> files = embedded_web_files();
  std::string state_path;                          // of its database; empty: nothing is saved
  int64_t state_bytes_max = int64_t{1} << 30;      // of the database
  int64_t document_bytes_max = int64_t{16} << 20;  // of one chat
};

// What requests that do not say it get.
struct RequestDefaults {
  SamplingParams sampling;
  int64_t seed = -1;  // -1: a new one each time
  std::vector<std::string> stop;
  bool ignore_eos = false, context_shift = false, cache_prompt = true;
  int64_t n_keep = 0;  // of a context that shifts
  Json template_kwargs = Json::object();
  int64_t thinking_tokens_max = -1;  // -1: no limit
  bool thinking_apart = true;        // false: it stays in the content, with its markers
  bool verbose = false;              // answers show their prompts: __verbose
};

struct AppOptions {
  GateOptions gate;
  ModelOptions models;
  RequestLimits limits;
  RequestDefaults defaults;
  // As llama-server: one model's aliases and none of its own names, /metrics with its names only,
  // names of Hugging Face's models without "hf.co/".
  bool like_llama_server = false;
  bool router = false;            // as it without a model: GET /props says so
  bool loads_models = true;       // that are asked for; false: POST /models/load does
  bool any_model_name = false;    // a name that is not here means the first model
  bool slots = true;              // GET /slots answers
  bool metrics = true;            // GET /metrics answers
  bool sleeps = false;            // GET /props tells of a model that was unloaded, and loads none
  std::string slot_folder;        // of POST /slots/{id}; empty: it does not answer
  int ollama_port = 0;            // at which GET / says what Ollama says; 0: none
  std::vector<std::string> tags;  // of the first model, for /v1/models
  WebOptions web;
  std::shared_ptr<agent::Toolset> tools;  // of /tools; null: there are none
  bool proxy = false;                     // /cors-proxy answers
  bool log_requests = true, log_prompts = false;
};

class App {
 public:
  App(const AppOptions& the_options, Catalog& catalog);

  // The body as a JSON object or array: 400 with the place where it is not.
  ApiResult<Json> read_json(const Exchange& exchange) const;
  ApiResult<Json> read_json_array(const Exchange& exchange) const;
  // The model of that name, loaded; 404 as the APIs know it, 400 for one that makes no text.
  ApiResult<std::shared_ptr<ServedModel>> model(const std::string& name, Exchange& exchange,
                                                std::optional<double> keep_alive_s = {});
  // The same, encoders too.
  ApiResult<std::shared_ptr<ServedModel>> any_model(const std::string& name, Exchange& exchange,
                                                    std::optional<double> keep_alive_s = {});
  // The same by hand: also where requests load none.
  ApiResult<std::shared_ptr<ServedModel>> load_model(const std::string& name, Exchange& exchange,
                                                     std::optional<double> keep_alive_s);
  // Whether a name that is not here stands for the first model.
  bool means_first_model(const std::string& name) const;
  // A model's name as clients of this server know it.
  std::string shown_name(const std::string& name) const;
  // The field "model" of a body that has nothing else, and the model of that name.
  ApiResult<std::string> name_in_body(const Exchange& exchange) const;
  ApiResult<CatalogEntry> entry_in_body(const Exchange& exchange) const;
  // The body, and the model that its field "model" names.
  struct Asked {
    Json body;
    std::shared_ptr<ServedModel> model;
  };
  ApiResult<Asked> read_request(Exchange& exchange);
  // Chats and settings of the web app. Opened when first asked for; an error is said once on
  // standard error and stays.
  Result<SavedState*> saved_state();
  // What /props says of a model that is loaded; remembered for when it sleeps.
  Json props(const ServedModel& model);
  // The same of one that is not loaded any more, where models sleep.
  std::optional<Json> props_of_sleeper(const std::string& name) const;
  // What all loaded models do at this moment.
  LoadReading read_load() const;

  // Tools and the proxy end what they do for requests: the server ends.
  void end();

  const AppOptions options;
  Gate gate;
  ModelRegistry models;
  RequestMetrics metrics;
  ResponsesStore responses;
  SavedSlots slots;
  RequestLog request_log;
  Throughput throughput;
  ModelEvents model_events;  // ends before the models go
  ModelFactsCache model_facts;
  std::stop_source ending;
  const std::chrono::system_clock::time_point started = std::chrono::system_clock::now();

 private:
  mutable std::mutex props_mutex_;
  std::map<std::string, Json> props_;  // of models that may sleep, by key
  ApiResult<Json> read_body(const Exchange& exchange, const char* wanted) const;
  std::once_flag state_opened_;
  Result<std::unique_ptr<SavedState>> state_ = nullptr;

 public:
  LoadSeries load_series;  // last: it stops reading before the rest goes
};

enum class Access : uint8_t {
  with_key,
  anyone,
  app_file,  // anyone; part of the web app
  app_api,   // with a key; for the web app
};

struct Route {
  const char* method;
  const char* path;  // parts in braces stand for anything: "/v1/responses/{id}"
  Dialect dialect;
  Access access;
  ApiResult<void> (*handle)(App& app, Exchange& exchange);
  const char* summary;
};
std::span<const Route> all_routes();

class AppHandler : public HttpHandler {
 public:
  explicit AppHandler(App& app) : app_(app) {}
  bool admit(Exchange& exchange) override;
  void handle(Exchange& exchange) override;
  void refuse(Exchange& exchange, const ReadError& error) override;
  void done(const Exchange& exchange, double seconds) override;

 private:
  Json log_line(const Exchange& exchange, double seconds) const;
  App& app_;
};

// What the dialect of an unknown path would be.
Dialect dialect_of(const HttpRequest& request);
// OpenAPI 3.1, made of all_routes().
Json openapi_document();

int64_t unix_seconds();
int64_t unix_ms();
// "2026-01-02T03:04:05.678901Z"
std::string iso_time(std::chrono::system_clock::time_point time);
// A name with random digits behind the prefix: "chatcmpl-5f3a...".
std::string new_id(const char* prefix);

#define ROUTE(method, path, dialect, access, handler, summary) \
  ApiResult<void> handler(App& app, Exchange& exchange);
#include "server/routes.inc"
#undef ROUTE

}  // namespace quire::server
