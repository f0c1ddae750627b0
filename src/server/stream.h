// Answers in pieces: server-sent events (WHATWG HTML, section 9.2) and lines of JSON.
#pragma once
#include "server/http.h"
#include "server/json.h"

namespace quire::server {

inline bool begin_events(Exchange& exchange) {
  return exchange.begin(200, "text/event-stream; charset=utf-8");
}
// "data: {...}"
inline bool write_data(Exchange& exchange, const Json& json) {
  return exchange.write("data: " + to_text(json) + "\n\n");
}
// "event: NAME" and "data: {...}"
inline std::string event_text(const char* name, const Json& json) {
  return std::string("event: ") + name + "\ndata: " + to_text(json) + "\n\n";
}
inline bool write_event(Exchange& exchange, const char* name, const Json& json) {
  return exchange.write(event_text(name, json));
}
inline void end_events(Exchange& exchange) {
  exchange.write("data: [DONE]\n\n");
  exchange.end();
}
inline bool write_line(Exchange& exchange, const Json& json) {
  return exchange.write(to_text(json) + "\n");
}
inline void send_json(Exchange& exchange, const Json& json, int status = 200) {
  HttpAnswer answer;
  answer.status = status;
  // As Ollama writes it, whose tests compare it.
  if (exchange.request().path.starts_with("/api/")) answer.content_type += "; charset=utf-8";
  answer.body = to_text(json);
  exchange.send(answer);
}

}  // namespace quire::server
