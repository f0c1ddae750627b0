// /models as llama.cpp's server with several models has it: which there are, loading and unloading,
// fetching and removing them, and events about all that.
#include "server/app.h"
#include "server/fields.h"
#include "server/stream.h"

#include <algorithm>

namespace quire::server {
namespace {

// A line at least so often, so that a watcher who left is noticed.
constexpr std::chrono::seconds watcher_silence_max{10};

// There, names without a host are repositories of Hugging Face.
std::string with_hub(const std::string& name) {
  return std::ranges::count(name, '/') == 1 ? "hf.co/" + name : name;
}

}  // namespace

ApiResult<void> route_models_load(App& app, Exchange& exchange) {
  const CatalogEntry entry = TRY_API(app.entry_in_body(exchange));
  TRY_API(app.load_model(entry.name, exchange, -1.0));
  app.model_events.tell("model_status", app.shown_name(entry.name), {{"status", "loaded"}});
  send_json(exchange, {{"success", true}});
  return {};
}

ApiResult<void> route_models_unload(App& app, Exchange& exchange) {
  const CatalogEntry entry = TRY_API(app.entry_in_body(exchange));
  if (!app.models.is_loaded(entry))
    return fail_api(400, "model", "the model {} is not loaded", entry.name);
  app.models.release(entry.name);
  app.model_events.tell("model_status", app.shown_name(entry.name), {{"status", "unloaded"}});
  send_json(exchange, {{"success", true}});
  return {};
}

ApiResult<void> route_models_fetch(App& app, Exchange& exchange) {
  const std::string name = TRY_API(app.name_in_body(exchange));
  const std::string full = with_hub(name);
  if (const auto ref = parse_model_ref(full); !ref)
    return std::unexpected(ApiError{400, ref.error().text, "model"});
  if (app.models.catalog().find(full))
    return fail_api(400, "model", "the model '{}' is there already", name);
  TRY_API(app.model_events.download(app.models.catalog(), {full, false}, name));
  send_json(exchange, {{"success", true}});
  return {};
}

ApiResult<void> route_models_remove(App& app, Exchange& exchange) {
  const std::string name(exchange.request().query_or("model", ""));
  if (name.empty())
    return fail_api(400, "model", "the model is missing: DELETE /models?model=NAME");
  const bool was_coming = app.model_events.cancel(name);
  const auto entry = app.models.catalog().find(name);
  const std::string full = entry ? entry->name : with_hub(name);
  app.models.release(full);
  const auto removed = app.models.catalog().remove(full);
  if (!removed && !was_coming) return std::unexpected(ApiError(removed.error()));
  app.model_events.tell("model_remove", name);
  send_json(exchange, {{"success", true}});
  return {};
}

ApiResult<void> route_models_events(App& app, Exchange& exchange) {
  uint64_t place = app.model_events.place();
  if (!begin_events(exchange) || !exchange.write(": what happens to models\n\n")) return {};
  const std::stop_token stop = exchange.stop_token();
  while (!stop.stop_requested()) {
    const auto news = app.model_events.next(place, watcher_silence_max, stop);
    std::string text;
    for (const std::string& event : news.events) text += "data: " + event + "\n\n";
    if (text.empty()) text = ":\n\n";
    if (!exchange.write(text) || news.closed) break;
  }
  exchange.end();
  return {};
}

}  // namespace quire::server
