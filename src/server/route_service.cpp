// /health, /metrics, /openapi.json, /v1/models: about the server itself.
#include "server/app.h"
#include "server/stream.h"
#include "server/vllm_metrics.h"

namespace quire::server {

ApiResult<void> route_health(App&, Exchange& exchange) {
  send_json(exchange, {{"status", "ok"}});
  return {};
}

ApiResult<void> route_load(App& app, Exchange& exchange) {
  const LoadReading load = app.read_load();
  send_json(exchange, {{"server_load", load.n_active + load.n_queued}});
  return {};
}

ApiResult<void> route_openapi(App&, Exchange& exchange) {
  send_json(exchange, openapi_document());
  return {};
}

namespace {

// The other names of a model. llama-server's list has all that were given to it, the first too, and
// none that its file has by itself.
std::vector<std::string> aliases_of(const App& app, const CatalogEntry& entry) {
  std::vector<std::string> aliases = entry.aliases;
  if (app.options.like_llama_server && !aliases.empty()) aliases.front() = entry.name;
  return aliases;
}

Json model_json(const App& app, const CatalogEntry& entry) {
  Json meta = {{"size", entry.bytes}};
  bool loaded_now = false;
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    if (loaded.served->key != entry.key) continue;
    const Hparams& h = loaded.served->model->hparams();
    loaded_now = true;
    meta["n_vocab"] = h.n_vocab;
    meta["n_ctx_train"] = h.n_ctx_train;
    meta["n_ctx"] = loaded.served->n_ctx();
    meta["n_embd"] = h.n_embd;
    meta["n_params"] = loaded.served->model->n_params();
  }
  const auto standard = app.models.catalog().find("");
  const bool first = standard.has_value() && standard->key == entry.key;
  return {{"id", app.shown_name(entry.name)},
          {"object", "model"},
          {"created", entry.modified_s},
          {"owned_by", "quire"},
          {"root", app.shown_name(entry.name)},
          {"parent", nullptr},
          {"max_model_len", meta.value("n_ctx", Json())},
          {"aliases", aliases_of(app, entry)},
          {"tags", first ? app.options.tags : std::vector<std::string>{}},
          {"status", {{"value", loaded_now ? "loaded" : "unloaded"}}},
          {"meta", std::move(meta)}};
}

}  // namespace

ApiResult<void> route_models(App& app, Exchange& exchange) {
  Json data = Json::array();
  for (const CatalogEntry& entry : app.models.catalog().list())
    data.push_back(model_json(app, entry));
  // The Anthropic SDK pages through the same list.
  Json answer = {{"object", "list"}, {"data", data}, {"has_more", false}};
  answer["first_id"] = data.empty() ? Json(nullptr) : data.front()["id"];
  answer["last_id"] = data.empty() ? Json(nullptr) : data.back()["id"];
  send_json(exchange, answer);
  return {};
}

ApiResult<void> route_one_model(App& app, Exchange& exchange) {
  auto entry = app.models.catalog().find(exchange.request().path_parameters[0]);
  if (!entry) {
    ApiError error(entry.error());
    error.code = "model_not_found";
    error.param = "model";
    return std::unexpected(error);
  }
  send_json(exchange, model_json(app, *entry));
  return {};
}

ApiResult<void> route_metrics(App& app, Exchange& exchange) {
  if (!app.options.metrics)
    return fail_api(501, "", "this server was started without --metrics: it shows none");
  HostCounters sum;
  app.models.add_counted(sum);
  HostCache cache;
  const auto add = [](auto& into, const auto& value) { into = into + value; };
  int64_t n_loaded = 0, memory = 0;
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    ++n_loaded;
    memory += loaded.served->memory_bytes();
    if (!loaded.served->host) continue;
    const HostCache its = loaded.served->host->cache();
    add(cache.n_positions, its.n_positions), add(cache.n_held, its.n_held);
    add(cache.n_kept, its.n_kept), add(cache.n_evicted, its.n_evicted);
    add(cache.disk.n_read, its.disk.n_read), add(cache.disk.n_written, its.disk.n_written);
    add(cache.disk.n_damaged, its.disk.n_damaged);
    cache.disk.bytes = std::max(cache.disk.bytes, its.disk.bytes);  // of one folder
  }
  struct Row {
    const char* name;
    const char* type;
    const char* help;
    double value;
  };
  const auto number = [](const auto& value) { return static_cast<double>(value); };
  const double prompt_s = sum.prompt_s, generate_s = sum.generate_s;
  const double n_run = number(sum.n_prompt_tokens.load() - sum.n_cached_tokens.load());
  const double n_generated = number(sum.n_generated_tokens.load());
  const auto [prompt_rate, generate_rate] =
      app.throughput.since_last({n_run, prompt_s, n_generated, generate_s});
  const Row rows[] = {
      {"quire_prompt_tokens_total", "counter", "Tokens of prompts.",
       number(sum.n_prompt_tokens.load())},
      {"quire_cached_tokens_total", "counter", "Tokens of prompts that were in the cache.",
       number(sum.n_cached_tokens.load())},
      {"quire_generated_tokens_total", "counter", "Tokens generated.", n_generated},
      {"quire_prompt_seconds_total", "counter", "Time to first tokens.", prompt_s},
      {"quire_generate_seconds_total", "counter", "Time from there to last tokens.", generate_s},
      {"quire_steps_total", "counter", "Steps of the engines.", number(sum.n_steps.load())},
      {"quire_sequences_total", "counter", "Sequences asked for.", number(sum.n_requests.load())},
      {"quire_sequences_cancelled_total", "counter", "Sequences cancelled.",
       number(sum.n_cancelled.load())},
      {"quire_sequences_failed_total", "counter", "Sequences that failed.",
       number(sum.n_failed.load())},
      {"quire_sequences_running", "gauge", "Sequences in the engines.",
       number(sum.n_running.load())},
      {"quire_sequences_waiting", "gauge", "Sequences on their way there.",
       number(sum.n_waiting.load())},
      {"quire_cache_positions", "gauge", "Positions of the caches of keys and values.",
       number(cache.n_positions)},
      {"quire_cache_positions_held", "gauge", "Of these, in use by sequences.",
       number(cache.n_held)},
      {"quire_cache_positions_kept", "gauge", "Of these, kept of finished sequences.",
       number(cache.n_kept)},
      {"quire_cache_positions_evicted_total", "counter", "Kept ones that gave way.",
       number(cache.n_evicted)},
      {"quire_cache_disk_bytes", "gauge", "Size of the prompt cache on disk.",
       number(cache.disk.bytes)},
      {"quire_cache_disk_positions_read_total", "counter", "Positions read from disk.",
       number(cache.disk.n_read * kv_block_size)},
      {"quire_cache_disk_positions_written_total", "counter", "Positions written to disk.",
       number(cache.disk.n_written * kv_block_size)},
      {"quire_cache_disk_damaged_total", "counter", "Damaged files that were removed.",
       number(cache.disk.n_damaged)},
      {"quire_models_loaded", "gauge", "Models that are loaded.", number(n_loaded)},
      {"quire_models_memory_bytes", "gauge", "What they take, computed.", number(memory)},
      {"llamacpp:prompt_tokens_total", "counter", "Number of prompt tokens processed.", n_run},
      {"llamacpp:prompt_tokens_cached_total", "counter", "Number of prompt tokens not processed.",
       number(sum.n_cached_tokens.load())},
      {"llamacpp:prompt_seconds_total", "counter", "Prompt process time.", prompt_s},
      {"llamacpp:tokens_predicted_total", "counter", "Number of generation tokens processed.",
       n_generated},
      {"llamacpp:tokens_predicted_seconds_total", "counter", "Predict process time.", generate_s},
      {"llamacpp:n_decode_total", "counter", "Total number of steps.", number(sum.n_steps.load())},
      {"llamacpp:n_tokens_max", "counter", "Tokens of the longest sequence.",
       number(sum.n_tokens_max.load())},
      {"llamacpp:n_busy_slots_per_decode", "gauge", "Average number of tokens drawn in a step.",
       sum.n_steps > 0 ? n_generated / number(sum.n_steps.load()) : 0},
      {"llamacpp:spec_decode_num_draft_tokens_total", "counter", "Guesses that were checked.",
       number(sum.n_drafted.load())},
      {"llamacpp:spec_decode_num_accepted_tokens_total", "counter", "Guesses that were right.",
       number(sum.n_accepted.load())},
      {"llamacpp:spec_decode_num_drafts_total", "counter", "Times that guesses were checked.",
       number(sum.n_drafts.load())},
      {"llamacpp:prompt_tokens_seconds", "gauge",
       "Prompt throughput since the last look, in tokens/s.", prompt_rate},
      {"llamacpp:predicted_tokens_seconds", "gauge",
       "Generation throughput since the last look, in tokens/s.", generate_rate},
      {"llamacpp:requests_processing", "gauge", "Number of requests processing.",
       number(sum.n_running.load())},
      {"llamacpp:requests_deferred", "gauge", "Number of requests deferred.",
       number(sum.n_waiting.load())},
  };
  std::string text;
  const bool all = !app.options.like_llama_server;
  for (const Row& row : rows)
    if (all || std::string_view(row.name).starts_with("llamacpp:"))
      append_metric(text, row.name, row.type, row.help, row.value);
  if (all) {
    app.metrics.append(text);
    append_vllm_metrics(app.models, text);
  }
  const auto started_s =
      std::chrono::duration_cast<std::chrono::seconds>(app.started.time_since_epoch()).count();
  exchange.add_header("process-start-time-unix", std::to_string(started_s));
  exchange.send({200, "text/plain; version=0.0.4; charset=utf-8", text, {}});
  return {};
}

}  // namespace quire::server
