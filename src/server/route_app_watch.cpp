// /app/api/log, requests, metrics: the server page of the web app.
#include "server/app.h"
#include "server/stream.h"

#include "format/printable.h"

#include <chrono>

namespace quire::server {
namespace {

// A line at least so often, so that a reader who left is noticed.
constexpr std::chrono::seconds silence_max{10};

Json number_or_null(int64_t n) { return n > 0 ? Json(n) : Json(nullptr); }

Json record_json(const RequestRecord& record) {
  return {{"id", record.id},
          {"time", record.time_ms},
          {"method", record.method},
          {"path", record.path},
          {"status", record.status},
          {"ms", record.ms},
          {"model", record.model.empty() ? Json(nullptr) : Json(record.model)},
          {"prompt_tokens", number_or_null(record.n_prompt)},
          {"completion_tokens", number_or_null(record.n_generated)}};
}

Json sample_json(const LoadSample& sample) {
  const LoadReading& r = sample.reading;
  return {{"t", r.time_ms},
          {"tokens_per_second", sample.tokens_per_s},
          {"prompt_tokens_per_second", sample.prompt_tokens_per_s},
          {"active", r.n_active},
          {"queued", r.n_queued},
          {"kv_used", r.kv_used},
          {"kv_total", r.kv_total},
          {"rss", r.rss_bytes}};
}

}  // namespace

ApiResult<void> route_app_log(App& app, Exchange& exchange) {
  if (!begin_events(exchange) || !exchange.write(": the last requests, then new ones\n\n"))
    return {};
  uint64_t place = 0;
  const std::stop_token stop = exchange.stop_token();
  while (!stop.stop_requested()) {
    const auto news = app.request_log.next_lines(place, silence_max, stop);
    std::string text;
    for (const std::string& line : news.lines) text += "data: " + line + "\n\n";
    if (text.empty()) text = ":\n\n";
    if (!exchange.write(text)) break;
    if (news.closed) break;
  }
  exchange.end();
  return {};
}

ApiResult<void> route_app_requests(App& app, Exchange& exchange) {
  Json requests = Json::array();
  for (const RequestRecord& record : app.request_log.latest())
    requests.push_back(record_json(record));
  send_json(exchange, {{"requests", std::move(requests)}});
  return {};
}

ApiResult<void> route_app_request(App& app, Exchange& exchange) {
  const std::string& id = exchange.request().path_parameters[0];
  const auto record = app.request_log.find(id);
  if (!record)
    return fail_api(404, "id", "the request '{}' is not among the last {}", printable(id),
                    RequestLog::n_max);
  Json json = record_json(*record);
  for (const char* part : {"request", "prompt", "answer"}) json[part] = nullptr;
  if (record->whole != nullptr) {
    json["request"] = record->whole->body;
    if (!record->whole->prompt.empty()) json["prompt"] = record->whole->prompt;
    if (const std::string answer = record->whole->answer(); !answer.empty())
      json["answer"] = answer;
  }
  send_json(exchange, json);
  return {};
}

ApiResult<void> route_app_metrics(App& app, Exchange& exchange) {
  const LoadReading now = app.read_load();
  const double uptime_s =
      std::chrono::duration<double>(std::chrono::system_clock::now() - app.started).count();
  Json series = Json::array();
  for (const LoadSample& sample : app.load_series.samples()) series.push_back(sample_json(sample));
  send_json(exchange, {{"now",
                        {{"version", QUIRE_VERSION},
                         {"uptime_s", std::floor(uptime_s)},
                         {"active", now.n_active},
                         {"queued", now.n_queued},
                         {"kv_used", now.kv_used},
                         {"kv_total", now.kv_total},
                         {"rss", now.rss_bytes},
                         {"models_loaded", app.models.loaded().size()}}},
                       {"series", std::move(series)}});
  return {};
}

}  // namespace quire::server
