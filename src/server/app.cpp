#include "server/app.h"

#include "agent/toolset.h"
#include "format/json.h"
#include "format/printable.h"
#include "server/fields.h"
#include "server/request_fields.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace quire::server {
namespace {

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

bool matches(const Route& route, const std::vector<std::string_view>& parts,
             std::vector<std::string>& parameters) {
  parameters.clear();
  const auto wanted = parts_of(route.path);
  // The last parameter takes the rest: names of models have slashes in them.
  const bool open_end = !wanted.empty() && wanted.back().starts_with('{');
  if (parts.size() < wanted.size() || (parts.size() > wanted.size() && !open_end)) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{')) {
      std::string value(parts[i]);
      if (i + 1 == wanted.size())
        for (size_t k = i + 1; k < parts.size(); ++k) value += "/" + std::string(parts[k]);
      if (value.empty()) return false;
      parameters.push_back(std::move(value));
    } else if (wanted[i] != parts[i]) {
      return false;
    }
  }
  return true;
}

struct Found {
  const Route* route = nullptr;
  std::string allowed;  // methods of routes with this path
};

Found find_route(HttpRequest& request) {
  Found found;
  std::string_view path = request.path;
  if (path.empty() || path[0] != '/') return found;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto parts = parts_of(path);
  std::vector<std::string> parameters;
  for (const Route& route : all_routes()) {
    if (!matches(route, parts, parameters)) continue;
    const bool head = request.method == "HEAD" && std::string_view(route.method) == "GET";
    if (request.method == route.method || head) {
      request.path_parameters = parameters;
      found.route = &route;
      return found;
    }
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += route.method;
  }
  return found;
}

bool is_of_web_app(const Route* route) {
  return route != nullptr &&
         (route->access == Access::app_file || route->access == Access::app_api);
}

}  // namespace

std::span<const Route> all_routes() {
  static constexpr Route routes[] = {
#define ROUTE(method, path, dialect, access, handler, summary) \
  {method, path, Dialect::dialect, Access::access, handler, summary},
#include "server/routes.inc"
#undef ROUTE
  };
  return routes;
}

Dialect dialect_of(const HttpRequest& request) {
  if (request.path.starts_with("/v1/messages")) return Dialect::anthropic;
  if (request.path.starts_with("/v1/") || request.path.starts_with("/app/")) return Dialect::openai;
  if (request.path.starts_with("/api/")) return Dialect::ollama;
  return Dialect::llamacpp;
}

ApiResult<Json> App::read_body(const Exchange& exchange, const char* wanted) const {
  const std::string& body = exchange.request().body;
  if (body.empty() && dialect_of(exchange.request()) == Dialect::ollama)
    return fail_api(400, "", "missing request body");  // in its very words
  if (body.empty())
    return fail_api(400, "", "missing request body: it is empty, a JSON {} is wanted", wanted);
  auto json = parse_ordered_json(body, "the body", {.depth_max = options.limits.json_depth_max});
  if (!json) return std::unexpected(ApiError{400, json.error().text});
  return *std::move(json);
}

ApiResult<Json> App::read_json(const Exchange& exchange) const {
  Json json = TRY_API(read_body(exchange, "object"));
  if (!json.is_object()) return fail_api(400, "", "the body is JSON but no object");
  return json;
}

ApiResult<Json> App::read_json_array(const Exchange& exchange) const {
  Json json = TRY_API(read_body(exchange, "array"));
  if (!json.is_array()) return fail_api(400, "", "the body is JSON but no array");
  return json;
}

ApiResult<App::Asked> App::read_request(Exchange& exchange) {
  Json body = TRY_API(read_json(exchange));
  Fields fields(body);
  const std::string name = fields.text("model");
  TRY_API(fields.done());
  auto named = TRY_API(model(name, exchange));
  return Asked{std::move(body), std::move(named)};
}

ApiResult<std::shared_ptr<ServedModel>> App::model(const std::string& name, Exchange& exchange,
                                                   std::optional<double> keep_alive_s) {
  auto served = TRY_API(any_model(name, exchange, keep_alive_s));
  if (served->host == nullptr)
    return fail_api(400, "model",
                    "{} is an encoder: it makes {} of texts and writes none; take another model "
                    "here, or {}",
                    served->name, served->embedder->ranks() ? "scores" : "vectors",
                    served->embedder->ranks() ? "/v1/rerank" : "/v1/embeddings");
  return served;
}

namespace {

// Names of OpenAI's and Anthropic's own models, which clients have built in: no model of this
// machine is meant.
bool is_hosted_name(std::string_view name) {
  constexpr std::string_view families[] = {
      "gpt-",          "chatgpt-",        "o1",     "o3", "o4-", "davinci-", "babbage-",
      "text-davinci-", "text-embedding-", "claude-"};
  return !name.starts_with("gpt-oss") &&
         std::ranges::any_of(families, [&](auto family) { return name.starts_with(family); });
}

// Of a name that stands for no model, or for one that cannot be had.
ApiError no_such_model(const Error& fault) {
  ApiError error(fault);
  if (fault.fault == Fault::not_found) error.code = "model_not_found";
  error.param = "model";
  return error;
}

}  // namespace

ApiResult<std::shared_ptr<ServedModel>> App::any_model(const std::string& name, Exchange& exchange,
                                                       std::optional<double> keep_alive_s) {
  if (!options.loads_models) {
    auto entry = models.catalog().find(name);
    if (!entry && means_first_model(name)) entry = models.catalog().find("");
    if (entry && !models.is_loaded(*entry))
      return fail_api(400, "model",
                      "model {} is not loaded, and requests load none here (--no-models-autoload): "
                      "POST /models/load does",
                      shown_name(entry->name));
  }
  return load_model(name, exchange, keep_alive_s);
}

bool App::means_first_model(const std::string& name) const {
  return options.any_model_name || is_hosted_name(name);
}

std::string App::shown_name(const std::string& name) const {
  constexpr std::string_view hub = "hf.co/";
  return options.like_llama_server && name.starts_with(hub) ? name.substr(hub.size()) : name;
}

ApiResult<std::shared_ptr<ServedModel>> App::load_model(const std::string& name, Exchange& exchange,
                                                        std::optional<double> keep_alive_s) {
  auto served = models.acquire(name, keep_alive_s);
  if (!served && served.error().fault == Fault::not_found && means_first_model(name)) {
    served = models.acquire("", keep_alive_s);
    if (served)
      exchange.add_header("x-quire-note", fmt::format("'{}' is not here: {} answers",
                                                      printable(name, 80), (*served)->name));
  }
  if (!served) return std::unexpected(no_such_model(served.error()));
  exchange.model = (*served)->name;
  if (!(*served)->parameters.empty()) TRY_API(check_parameters(*this, **served));
  return *std::move(served);
}

ApiResult<std::string> App::name_in_body(const Exchange& exchange) const {
  const Json body = TRY_API(read_json(exchange));
  Fields fields(body);
  std::string name = fields.text("model");
  if (name.empty()) fields.complain("model", "is missing");
  TRY_API(fields.done());
  return name;
}

ApiResult<CatalogEntry> App::entry_in_body(const Exchange& exchange) const {
  const std::string name = TRY_API(name_in_body(exchange));
  auto entry = models.catalog().find(name);
  if (!entry) return std::unexpected(no_such_model(entry.error()));
  return *std::move(entry);
}

App::App(const AppOptions& the_options, Catalog& catalog)
    : options(the_options), gate(options.gate), models(catalog, options.models) {
  if (options.web.enabled) load_series.follow([this] { return read_load(); });
}

void App::end() {
  ending.request_stop();
  if (options.tools) options.tools->end();
}

LoadReading App::read_load() const {
  LoadReading sum{.time_ms = unix_ms(), .rss_bytes = resident_bytes()};
  for (const ModelRegistry::Loaded& loaded : models.loaded()) {
    if (!loaded.served->host) continue;  // an encoder
    const EngineHost& host = *loaded.served->host;
    const HostCounters& c = host.counters();
    const int64_t n_running = c.n_running, n_active = std::min<int64_t>(n_running, host.n_slots());
    sum.n_active += n_active;
    sum.n_queued += c.n_waiting + n_running - n_active;
    sum.n_generated_total += c.n_drawn;
    sum.n_prompt_total += c.n_prompt_rows;
    const HostCache cache = host.cache();
    sum.kv_used += cache.n_held;
    sum.kv_total += cache.n_positions;
  }
  return sum;
}

Result<SavedState*> App::saved_state() {
  std::call_once(state_opened_, [&] {
    state_ = options.web.state_path.empty()
                 ? fail(Fault::device, "this server has no place to save chats")
                 : SavedState::open(options.web.state_path, options.web.state_bytes_max);
    if (!state_.has_value())
      fmt::print(stderr, "quire: {}; chats of the web app are not saved\n", state_.error().text);
  });
  if (!state_.has_value()) return std::unexpected(state_.error());
  return state_->get();
}

namespace {

// The body goes to the store as it comes.
ApiResult<void> take_as_blob(App& app, HttpRequest& request) {
  request.sink = TRY_API(app.models.catalog().open_blob(request.path_parameters.at(0)));
  return {};
}

}  // namespace

bool AppHandler::admit(Exchange& exchange) {
  HttpRequest& request = exchange.request();
  for (HttpHeader& header : app_.gate.cors_headers(request))
    exchange.add_header(std::move(header.name), std::move(header.value));
  if (app_.gate.is_preflight(request)) {
    exchange.send({200, "", "", {}});
    return false;
  }
  const Found found = find_route(request);
  const Access access = found.route != nullptr ? found.route->access : Access::with_key;
  const bool open = access == Access::anyone || access == Access::app_file;
  const Dialect dialect = found.route != nullptr ? found.route->dialect : dialect_of(request);
  ApiResult<void> allowed = app_.gate.check(request, open);
  if (allowed && access == Access::app_api) allowed = check_json_type(request);
  if (allowed && found.route != nullptr && found.route->handle == route_blob_put)
    allowed = take_as_blob(app_, request);
  if (allowed) return true;
  request.keep_alive = false;
  send_error(exchange, dialect, allowed.error());
  return false;
}

namespace {

// Its clients look whether it is there: HEAD / at any port, GET / at its own.
bool asks_for_ollama(const HttpRequest& request, const AppOptions& options) {
  if (request.path != "/") return false;
  const std::string own = fmt::format(":{}", options.ollama_port);
  return (request.method == "HEAD" && !options.web.enabled) ||
         (request.method == "GET" && options.ollama_port > 0 &&
          request.header_or("host", "").ends_with(own));
}

}  // namespace

void AppHandler::handle(Exchange& exchange) {
  HttpRequest& request = exchange.request();
  const Found found = find_route(request);
  const bool is_looked_into =
      app_.options.log_prompts || request.header_or("x-quire-app", "") == "1";
  if (app_.options.web.enabled && is_looked_into && !is_of_web_app(found.route)) {
    exchange.kept = std::make_shared<KeptRequest>();
    exchange.kept->set_body(request.body);
  }
  const Dialect dialect = found.route != nullptr ? found.route->dialect : dialect_of(request);
  exchange.cache_salt = app_.gate.cache_salt(request);
  ApiResult<void> result;
  if (found.route == nullptr && found.allowed.empty()) {
    result = fail_api(404, "", "there is nothing at '{}'; /openapi.json lists what there is",
                      printable(request.path));
  } else if (asks_for_ollama(request, app_.options)) {
    exchange.send({200, "text/plain; charset=utf-8", "Ollama is running", {}});
  } else if (!app_.options.web.enabled && is_of_web_app(found.route)) {
    result = fail_api(404, "", "the web app is switched off (--no-webui)");
  } else if (found.route == nullptr) {
    exchange.add_header("allow", found.allowed);
    result = fail_api(405, "", "'{}' takes {}, not {}", printable(request.path), found.allowed,
                      printable(request.method, 20));
  } else {
    try {
      result = found.route->handle(app_, exchange);
    } catch (const std::bad_alloc&) {
      result = fail_api(503, "", "out of memory");
    } catch (const std::exception& exception) {
      result = fail_api(500, "", "unexpected: {}", exception.what());
    }
  }
  if (!result && !exchange.begun()) send_error(exchange, dialect, result.error());
}

void AppHandler::refuse(Exchange& exchange, const ReadError& error) {
  if (exchange.request().id.empty()) exchange.request().id = new_id("req_");
  send_error(exchange, dialect_of(exchange.request()), {error.status, error.text});
}

void AppHandler::done(const Exchange& exchange, double seconds) {
  HttpRequest request = exchange.request();
  const Found found = find_route(request);
  const int status = exchange.begun() ? exchange.status() : 499;
  // Unknown paths share a row: their names are the client's.
  app_.metrics.count(found.route != nullptr ? found.route->path : "other", status, seconds);
  // The app asks often; what it asks is worth a line only when it is refused.
  const bool is_of_app = is_of_web_app(found.route) || request.path.starts_with("/app/api/");
  if (is_of_app && status < 400) return;
  const std::string line = to_text(log_line(exchange, seconds));
  if (app_.options.log_requests) fmt::print(stderr, "{}\n", line);
  if (!app_.options.web.enabled || is_of_app) return;
  app_.request_log.add({.id = request.id,
                        .method = printable(request.method, 20),
                        .path = printable(request.path, 200),
                        .model = exchange.model,
                        .time_ms = unix_ms(),
                        .status = status,
                        .ms = std::round(seconds * 1e6) / 1e3,
                        .n_prompt = exchange.n_prompt,
                        .n_generated = exchange.n_generated,
                        .line = line,
                        .whole = exchange.kept});
}

// One line of the log.
Json AppHandler::log_line(const Exchange& exchange, double seconds) const {
  const HttpRequest& request = exchange.request();
  Json line = {{"time", iso_time(std::chrono::system_clock::now())},
               {"id", request.id},
               {"client", request.peer},
               {"method", printable(request.method, 20)},
               {"path", printable(request.path, 200)},
               {"status", exchange.begun() ? exchange.status() : 499},
               {"seconds", std::round(seconds * 1e6) / 1e6}};
  if (!exchange.model.empty()) line["model"] = exchange.model;
  if (exchange.n_prompt > 0) {
    line["prompt_tokens"] = exchange.n_prompt;
    line["cached_tokens"] = exchange.n_cached;
    line["completion_tokens"] = exchange.n_generated;
  }
  if (!exchange.note.empty()) line["note"] = exchange.note;
  if (exchange.stop_token().stop_requested()) line["gone"] = true;
  if (app_.options.log_prompts) line["body"] = request.body;
  return line;
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string iso_time(std::chrono::system_clock::time_point time) {
  const auto us =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)), us % 1'000'000);
}

std::string new_id(const char* prefix) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{}{:016x}{:08x}", prefix, random(), static_cast<uint32_t>(random()));
}

}  // namespace quire::server
