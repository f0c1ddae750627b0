// /app/api/models: which models there are, what each needs, and loading and unloading them.
#include "server/app.h"
#include "server/fields.h"
#include "server/stream.h"

#include <algorithm>

namespace quire::server {
namespace {

// What this server could give to models: its budget, or less when the machine has less.
int64_t models_bytes_max(const App& app) {
  const int64_t budget = app.models.options().memory_bytes_max, free = available_bytes();
  return free > 0 ? std::min(budget, free) : budget;
}

Json fit_json(const MemoryNeeds& needs, int64_t available) {
  return {{"weights", needs.weights},
          {"kv", needs.kv + needs.states},
          {"total", needs.total()},
          {"available", available},
          {"fits", needs.total() <= available}};
}

}  // namespace

ApiResult<void> route_app_models(App& app, Exchange& exchange) {
  const RunnerOptions& options = app.options.models.host.runner;
  const int64_t available = models_bytes_max(app);
  Json models = Json::array();
  for (const CatalogEntry& entry : app.models.catalog().list()) {
    Json json = {{"name", entry.name}, {"path", entry.path}, {"bytes", entry.bytes}};
    for (const char* name : {"parameters", "quantization", "context"}) json[name] = nullptr;
    json["loaded"] = app.models.is_loaded(entry);
    json["fit"] = nullptr;
    const auto facts = app.model_facts.facts(entry, options);
    if (facts) {
      json["parameters"] = facts->n_params;
      json["quantization"] = facts->type;
      json["context"] = facts->needs.n_ctx;
      json["fit"] = fit_json(facts->needs, available);
    } else {
      json["error"] = facts.error().text;
    }
    models.push_back(std::move(json));
  }
  send_json(exchange, {{"models", std::move(models)}});
  return {};
}

ApiResult<void> route_app_model_load(App& app, Exchange& exchange) {
  const CatalogEntry entry = TRY_API(app.entry_in_body(exchange));
  // Until it is unloaded: who loads a model by hand wants it there.
  TRY_API(app.load_model(entry.name, exchange, -1.0));
  send_json(exchange, {{"model", entry.name}, {"loaded", true}});
  return {};
}

// A model that answers is unloaded when it has answered: then `loaded` is still true.
ApiResult<void> route_app_model_unload(App& app, Exchange& exchange) {
  const CatalogEntry entry = TRY_API(app.entry_in_body(exchange));
  app.models.release(entry.name);
  send_json(exchange, {{"model", entry.name}, {"loaded", app.models.is_loaded(entry)}});
  return {};
}

}  // namespace quire::server
