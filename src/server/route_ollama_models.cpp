// Ollama's endpoints about models: tags, show, ps, version, and those that need a store.
#include "server/ollama.h"
#include "server/stream.h"

#include "format/gguf.h"

namespace quire::server {
namespace {

// A name for the content, as clients want one: FNV-1a of path, size and time, written as 64 digits.
std::string digest_of(const CatalogEntry& entry) {
  uint64_t hash = 14695981039346656037u;
  const std::string text = fmt::format("{}:{}:{}", entry.path, entry.bytes, entry.modified_s);
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  std::string digits;
  for (int i = 0; i < 4; ++i)
    digits += fmt::format("{:016x}", hash * (2 * static_cast<uint64_t>(i) + 1));
  return digits;
}

Json model_entry(const CatalogEntry& entry) {
  return {{"name", entry.name},
          {"model", entry.name},
          {"modified_at",
           iso_time(std::chrono::system_clock::from_time_t(static_cast<time_t>(entry.modified_s)))},
          {"size", entry.bytes},
          {"digest", digest_of(entry)},
          {"details", ollama_details(entry.path)}};
}

ApiResult<std::string> named(const Json& body) {
  Fields fields(body);
  std::string name = fields.text("model", fields.text("name"));
  if (name.empty()) fields.complain("model", "is missing");
  TRY_API(fields.done());
  return name;
}

// Runs what reports its progress, as lines or at its end.
ApiResult<void> transfer(Exchange& exchange, const Json& body,
                         const std::function<Result<void>(const OnProgress&)>& work) {
  Fields fields(body);
  const bool stream = fields.flag("stream", true);
  TRY_API(fields.done());
  const auto on_progress = [&](const TransferProgress& p) {
    if (exchange.stop_token().stop_requested()) return false;
    if (!stream) return true;
    if (!exchange.begun()) exchange.begin(200, "application/x-ndjson");
    Json line = {{"status", p.status}};
    if (!p.digest.empty()) line["digest"] = p.digest;
    if (p.total > 0) line["total"] = p.total, line["completed"] = p.completed;
    return write_line(exchange, line);
  };
  const auto result = work(on_progress);
  if (!exchange.begun()) {
    TRY_API(result);
    send_json(exchange, {{"status", "success"}});
    return {};
  }
  if (result)
    write_line(exchange, {{"status", "success"}});
  else
    write_line(exchange, {{"error", result.error().text}});
  exchange.end();
  return {};
}

Json value_json(const GgufValue& value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto flag = value.as_bool()) return *flag;
  if (const auto number = value.as_int()) return *number;
  if (const auto number = value.as_float()) return *number;
  return nullptr;  // arrays are long: left out, as Ollama does
}

}  // namespace

ApiResult<void> route_ollama_version(App&, Exchange& exchange) {
  send_json(exchange, {{"version", QUIRE_VERSION}});
  return {};
}

ApiResult<void> route_ollama_tags(App& app, Exchange& exchange) {
  Json models = Json::array();
  for (const CatalogEntry& entry : app.models.catalog().list())
    models.push_back(model_entry(entry));
  send_json(exchange, {{"models", std::move(models)}});
  return {};
}

ApiResult<void> route_ollama_ps(App& app, Exchange& exchange) {
  Json models = Json::array();
  for (const ModelRegistry::Loaded& loaded : app.models.loaded()) {
    const auto entry = app.models.catalog().find(loaded.served->name);
    if (!entry) continue;
    Json json = model_entry(*entry);
    json["size"] = loaded.served->memory_bytes();
    json["size_vram"] = 0;
    json["context_length"] = loaded.served->n_ctx();
    const double left_s = loaded.expires_in_s < 0 ? 1e9 : loaded.expires_in_s;
    json["expires_at"] = iso_time(std::chrono::system_clock::now() +
                                  std::chrono::seconds(static_cast<int64_t>(left_s)));
    models.push_back(std::move(json));
  }
  send_json(exchange, {{"models", std::move(models)}});
  return {};
}

ApiResult<void> route_ollama_show(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(named(body));
  const CatalogEntry entry = TRY_API(app.models.catalog().find(name));
  const GgufFile file = TRY_API(GgufFile::open(entry.path));
  Json model_info = Json::object();
  for (const GgufEntry& item : file.entries())
    model_info[std::string(item.key)] = value_json(item.value);
  const auto chat_template = file.get_string_or("tokenizer.chat_template", "");
  const std::string source(chat_template.value_or(""));
  Json capabilities = Json::array({"completion"});
  if (find_reply_format(source).tools != ToolStyle::none) capabilities.push_back("tools");
  if (!find_reply_format(source).think_open.empty()) capabilities.push_back("thinking");
  send_json(exchange, {{"modelfile", fmt::format("FROM {}\n", entry.path)},
                       {"parameters", ""},
                       {"template", source},
                       {"details", ollama_details(entry.path)},
                       {"model_info", std::move(model_info)},
                       {"capabilities", std::move(capabilities)},
                       {"modified_at", model_entry(entry)["modified_at"]}});
  return {};
}

ApiResult<void> route_ollama_pull(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(named(body));
  return transfer(exchange, body,
                  [&](const OnProgress& p) { return app.models.catalog().pull(name, p); });
}

ApiResult<void> route_ollama_push(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(named(body));
  return transfer(exchange, body,
                  [&](const OnProgress& p) { return app.models.catalog().push(name, p); });
}

ApiResult<void> route_ollama_create(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  TRY_API(named(body));
  return transfer(exchange, body, [&](const OnProgress& p) {
    return app.models.catalog().create(to_text(body), p);
  });
}

ApiResult<void> route_ollama_copy(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  Fields fields(body);
  const std::string source = fields.text("source"), destination = fields.text("destination");
  if (source.empty()) fields.complain("source", "is missing");
  if (destination.empty()) fields.complain("destination", "is missing");
  TRY_API(fields.done());
  TRY_API(app.models.catalog().copy(source, destination));
  exchange.send({200, "", "", {}});
  return {};
}

ApiResult<void> route_ollama_delete(App& app, Exchange& exchange) {
  const Json body = TRY_API(app.read_json(exchange));
  const std::string name = TRY_API(named(body));
  TRY_API(app.models.catalog().remove(name));
  exchange.send({200, "", "", {}});
  return {};
}

}  // namespace quire::server
