// GET /slots, and POST /slots/{id}?action=save|restore|erase.
#include "base/file.h"
#include "format/printable.h"
#include "server/completion.h"
#include "server/request_fields.h"
#include "server/saved_slots.h"
#include "server/stream.h"

#include <charconv>

namespace quire::server {

// The engine gives sequences a place as they come; a row stands for each place, the busy ones
// first.
ApiResult<void> route_slots(App& app, Exchange& exchange) {
  if (!app.options.slots)
    return fail_api(501, "", "this server was started with --no-slots: it does not show them");
  Json slots = Json::array();
  bool all_busy = true;
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    if (!loaded.served->host) continue;  // encoders have none
    const EngineHost& host = *loaded.served->host;
    const int64_t n_running = host.counters().n_running;
    all_busy = all_busy && n_running >= host.n_slots();
    for (int32_t i = 0; i < host.n_slots(); ++i)
      slots.push_back({{"id", i},
                       {"model", loaded.served->name},
                       {"n_ctx", host.n_ctx()},
                       {"speculative", app.models.options().host.drafts.lookup ||
                                           app.models.options().host.drafts.model != nullptr},
                       {"is_processing", i < n_running}});
  }
  if (all_busy && !exchange.request().query_or("fail_on_no_slot", "").empty())
    return fail_api(503, "", "no slot is free");
  send_json(exchange, slots);
  return {};
}

namespace {

struct Slot {
  std::shared_ptr<ServedModel> model;
  int64_t id = 0;
  std::string file;  // in the folder; empty for an erasure
  std::string path;
};

ApiResult<Slot> read_slot(App& app, Exchange& exchange, bool wants_file) {
  if (app.options.slot_folder.empty())
    return fail_api(501, "", "slots are not saved here: --slot-save-path says where");
  Json body = Json::object();
  if (!exchange.request().body.empty()) body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  Slot slot;
  slot.file = fields.text("filename");
  const std::string name = fields.text("model");
  if (wants_file && slot.file.empty()) fields.complain("filename", "is missing");
  TRY_API(fields.done());
  if (wants_file) TRY_API(check_slot_file_name(slot.file));
  slot.path = app.options.slot_folder + "/" + slot.file;
  slot.model = TRY_API(app.model(name, exchange));
  const std::string& id = exchange.request().path_parameters.at(0);
  const auto [end, code] = std::from_chars(id.data(), id.data() + id.size(), slot.id);
  const int64_t n_slots = slot.model->host->n_slots();
  if (code != std::errc{} || end != id.data() + id.size() || slot.id < 0 || slot.id >= n_slots)
    return fail_api(400, "id_slot", "there is no slot '{}': they are 0 to {}", printable(id, 40),
                    n_slots - 1);
  return slot;
}

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

ApiResult<Json> save(App& app, const Slot& slot) {
  const auto start = std::chrono::steady_clock::now();
  const auto tokens = app.slots.tokens(slot.model->key, slot.id);
  const std::string text = slot_file_text(slot.model->model->fingerprint(), tokens);
  TRY_API(write_file(slot.path, text));
  return Json{{"id_slot", slot.id},
              {"filename", slot.file},
              {"n_saved", tokens.size()},
              {"n_written", text.size()},
              {"timings", {{"save_ms", ms_since(start)}}}};
}

// Runs the tokens, so that what begins with them finds them in the cache.
ApiResult<Json> restore(App& app, Exchange& exchange, const Slot& slot) {
  const auto start = std::chrono::steady_clock::now();
  const auto text = read_file(slot.path, 64 << 20);
  if (!text) return fail_api(400, "filename", "'{}' cannot be read", printable(slot.file, 60));
  const auto tokens = TRY_API(read_slot_file(*text, slot.file, slot.model->model->fingerprint(),
                                             slot.model->tokenizer().n_vocab()));
  if (!tokens.empty()) {
    TRY_API(check_context(*slot.model, tokens.size()));
    HostRequest request;
    request.request.prompt = tokens;
    request.request.n_predict = 0;
    request.request.cache_salt = app.slots.salt(slot.model->key, slot.id);
    const ChatTotals totals = TRY_API(run_text(*slot.model, {std::move(request)}, exchange,
                                               [](const auto&) { return Then::more; }));
    if (totals.error) return std::unexpected(ApiError(*totals.error));
  }
  app.slots.put(slot.model->key, slot.id, tokens);
  return Json{{"id_slot", slot.id},
              {"filename", slot.file},
              {"n_restored", tokens.size()},
              {"n_read", text->size()},
              {"timings", {{"restore_ms", ms_since(start)}}}};
}

}  // namespace

ApiResult<void> route_slot_action(App& app, Exchange& exchange) {
  const std::string action(exchange.request().query_or("action", ""));
  if (action != "save" && action != "restore" && action != "erase")
    return fail_api(400, "action", "action is '{}', not save, restore or erase",
                    printable(action, 40));
  const Slot slot = TRY_API(read_slot(app, exchange, action != "erase"));
  if (action == "save") {
    send_json(exchange, TRY_API(save(app, slot)));
  } else if (action == "restore") {
    send_json(exchange, TRY_API(restore(app, exchange, slot)));
  } else {
    const size_t n = app.slots.erase(slot.model->key, slot.id);
    send_json(exchange, {{"id_slot", slot.id}, {"n_erased", n}});
  }
  return {};
}

}  // namespace quire::server
