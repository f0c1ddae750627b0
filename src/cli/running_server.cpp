#include "cli/running_server.h"

#include "cli/model_store.h"
#include "format/json.h"
#include "format/printable.h"

#include <nlohmann/json.hpp>

namespace quire {
namespace {

using nlohmann::json;

constexpr const char* usual_host = "127.0.0.1:8080";

struct Place {
  std::string address;
  HttpOptions http;
};

Place place_of(const ServerFlags& flags) {
  Place place;
  place.address = flags.host.empty() ? environment("QUIRE_HOST") : flags.host;
  if (place.address.empty()) place.address = usual_host;
  if (place.address.find("://") == std::string::npos) place.address = "http://" + place.address;
  if (place.address.ends_with('/')) place.address.pop_back();
  place.http = registry_options();
  place.http.token = flags.api_key.empty() ? environment("QUIRE_API_KEY") : flags.api_key;
  if (!flags.ca_file.empty()) place.http.ca_file = flags.ca_file;
  return place;
}

Result<json> read_answer(const Place& place, const Result<HttpAnswer>& answer) {
  if (!answer)
    return fail(answer.error().fault, "{}; is `quire serve` running there? --host says where",
                answer.error().text);
  auto body = parse_json(answer->body.empty() ? "{}" : answer->body, place.address);
  if (answer->status == 200) return body;
  std::string said = printable(answer->body, 200);
  if (body && body->is_object() && body->contains("error") && (*body)["error"].is_string())
    said = printable((*body)["error"].get<std::string>(), 500);
  const Fault fault = answer->status == 404                           ? Fault::not_found
                      : answer->status >= 400 && answer->status < 500 ? Fault::usage
                                                                      : Fault::io;
  return fail(fault, "{}: {}{}", place.address, said,
              answer->status == 401 ? "; --api-key or QUIRE_API_KEY gives a key" : "");
}

}  // namespace

void add_server_flags(CommandLine& app, ServerFlags& flags) {
  add_text(app, "--host", flags.host,
           "where the server is, as 127.0.0.1:8080 or https://name:port [QUIRE_HOST, else "
           "127.0.0.1:8080]",
           "ADDRESS");
  add_text(app, "--api-key", flags.api_key, "its key [QUIRE_API_KEY]", "KEY");
  add_text(app, "--ca-file", flags.ca_file, "PEM certificates to trust instead of the system's",
           "FILE");
}

Result<json> ask_server(const ServerFlags& flags, const std::string& path) {
  const Place place = place_of(flags);
  return read_answer(place, http_get(place.address + path, place.http));
}

Result<json> tell_server(const ServerFlags& flags, const std::string& path, const json& body) {
  const Place place = place_of(flags);
  HttpUpload upload;
  upload.content_type = "application/json";
  upload.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return read_answer(place, http_send(place.address + path, place.http, upload));
}

}  // namespace quire
