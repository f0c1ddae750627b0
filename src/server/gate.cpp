#include "server/gate.h"

#include "base/sha256.h"
#include "format/printable.h"
#include "server/http_server.h"

#include <algorithm>

namespace quire::server {
namespace {

// "example.org:8080" -> "example.org", "[::1]:80" -> "::1"
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return std::string(host.substr(1, end == host.npos ? host.npos : end - 1));
  }
  if (std::count(host.begin(), host.end(), ':') == 1) host = host.substr(0, host.find(':'));
  return lower_case(host);
}

// "http://localhost:3000", "http://[::1]"
bool is_of_this_machine(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme != origin.npos && is_loopback(host_name(origin.substr(scheme + 3)));
}

bool is_numeric(std::string_view host) {
  return host.find(':') != host.npos || host.find_first_not_of("0123456789.") == host.npos;
}

// "Authorization: Bearer KEY", else "x-api-key: KEY"; empty without one.
std::string_view given_key(const HttpRequest& request) {
  const std::string_view authorization = request.header_or("authorization", "");
  if (authorization.size() > 7 && equal_ignoring_case(authorization.substr(0, 7), "Bearer "))
    return authorization.substr(7);
  return request.header_or("x-api-key", "");
}

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view secret) {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const char other = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(given[i] ^ other);
  }
  return difference == 0;
}

Gate::Gate(GateOptions options) : options_(std::move(options)) {}

bool Gate::knows_key(std::string_view key) const {
  bool known = false;  // every key is compared, whichever fits
  for (const std::string& secret : options_.api_keys) known |= equal_in_constant_time(key, secret);
  return known && !key.empty();
}

// A numeric address is no name that somebody could have rebound.
bool Gate::knows_host(std::string_view host) const {
  const std::string name = host_name(host);
  if (is_loopback(name) || name.ends_with(".localhost") || is_numeric(name)) return true;
  return std::ranges::any_of(options_.allowed_hosts, [&](const std::string& allowed) {
    return allowed == "*" || lower_case(allowed) == name;
  });
}

ApiResult<void> Gate::check(const HttpRequest& request, bool is_public) const {
  const std::string* host = request.header("host");
  if (host == nullptr && !request.http_1_0) return fail_api(400, "", "the Host header is missing");
  if (host != nullptr && !knows_host(*host))
    return fail_api(421, "",
                    "the Host header names '{}', which is not this server; --allowed-host lets a "
                    "name in",
                    printable(*host));
  const std::string* origin = request.header("origin");
  const bool reads =
      request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  if (origin != nullptr && !reads && !lists_origin(*origin) &&
      !is_same_origin(*origin, request.header_or("host", "")))
    return fail_api(403, "",
                    "the request comes from a page of '{}', which is not this server; "
                    "--cors-origin lets its pages in",
                    printable(*origin));
  if (is_public || options_.api_keys.empty()) return {};
  const std::string_view key = given_key(request);
  if (knows_key(key)) return {};
  ApiError error{401, key.empty() ? "an API key is needed: 'Authorization: Bearer KEY' or "
                                    "'x-api-key: KEY'"
                                  : "the API key is not one of this server's"};
  error.code = "invalid_api_key";
  return std::unexpected(error);
}

// Where a browser sends no Origin (pictures, links), it says in Sec-Fetch-Site who asks.
ApiResult<void> Gate::check_page(const HttpRequest& request) const {
  const std::string* origin = request.header("origin");
  const std::string_view site = request.header_or("sec-fetch-site", "same-origin");
  const bool is_ours =
      origin == nullptr
          ? site == "same-origin"
          : lists_origin(*origin) || is_same_origin(*origin, request.header_or("host", ""));
  if (is_ours) return {};
  return fail_api(403, "",
                  "only programs and pages of this server may ask for this; --cors-origin lets "
                  "others in");
}

std::string Gate::cache_salt(const HttpRequest& request) const {
  if (options_.share_cache || options_.api_keys.size() < 2) return {};
  return sha256_of(given_key(request));
}

bool Gate::lists_origin(std::string_view origin) const {
  return std::ranges::any_of(options_.cors_origins, [&](const std::string& allowed) {
    if (allowed == "localhost" && is_of_this_machine(origin)) return true;
    return allowed == "*" || allowed == origin;
  });
}

ApiResult<void> check_json_type(const HttpRequest& request) {
  if (request.method != "POST" && request.method != "PUT") return {};
  std::string_view type = request.header_or("content-type", "");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (equal_ignoring_case(type, "application/json")) return {};
  return fail_api(415, "", "the content-type is '{}', it must be application/json",
                  printable(type));
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  const size_t scheme = origin.find("://");
  return scheme != origin.npos && !host.empty() &&
         equal_ignoring_case(origin.substr(scheme + 3), host);
}

std::vector<HttpHeader> Gate::cors_headers(const HttpRequest& request) const {
  const std::string* origin = request.header("origin");
  if (origin == nullptr) return {};
  if (!lists_origin(*origin)) return {};
  std::vector<HttpHeader> headers = {{"access-control-allow-origin", *origin},
                                     {"access-control-allow-credentials", "true"},
                                     {"vary", "origin"}};
  if (is_preflight(request)) {
    headers.push_back({"access-control-allow-methods", "GET, POST, DELETE, OPTIONS"});
    headers.push_back({"access-control-allow-headers",
                       std::string(request.header_or("access-control-request-headers",
                                                     "authorization, content-type, x-api-key"))});
    headers.push_back({"access-control-max-age", "600"});
  }
  return headers;
}

bool Gate::is_preflight(const HttpRequest& request) const {
  return request.method == "OPTIONS" && request.header("access-control-request-method") != nullptr;
}

}  // namespace quire::server
