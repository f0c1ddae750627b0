// Who may come in: keys, the Host header, and what browsers are told about other origins.
//
// Every request passes here before its body is read. A key comes as "Authorization: Bearer KEY" or
// "x-api-key: KEY" and is compared in constant time. The Host header must name this server, so that
// a web page cannot reach it under a name of its own (DNS rebinding). Answers allow other origins
// only when they are listed, and requests that change something are refused when a browser says
// that they come from another one.
#pragma once
#include "server/api_error.h"

#include <string>
#include <vector>

namespace quire::server {

struct GateOptions {
  std::vector<std::string> api_keys;       // empty: none is asked for
  std::vector<std::string> allowed_hosts;  // beside loopback names; "*": any
  // "https://app.example"; "localhost": pages of this machine, at any port; "*": any
  std::vector<std::string> cors_origins;
  bool share_cache = false;  // one prompt cache for all keys
};

// Immutable; may be used from many threads.
class Gate {
 public:
  explicit Gate(GateOptions options);
  // is_public: needs no key (health checks). 401 without a valid key, 421 for a foreign Host, 403
  // for anything but reading from a foreign Origin.
  ApiResult<void> check(const HttpRequest& request, bool is_public) const;
  // Of what no other page may do, reading included: 403 unless the request comes from a page of
  // this server, from one that is listed, or from a program.
  ApiResult<void> check_page(const HttpRequest& request) const;
  // Whose prompts those of this request may be shared with: a text for each key when there are
  // several, so that nobody learns from the time to the first token what others have asked.
  std::string cache_salt(const HttpRequest& request) const;
  // What an answer says to the request's Origin; nothing when it is not listed.
  std::vector<HttpHeader> cors_headers(const HttpRequest& request) const;
  // Of "OPTIONS" with Access-Control-Request-Method.
  bool is_preflight(const HttpRequest& request) const;

 private:
  bool knows_key(std::string_view key) const;
  bool knows_host(std::string_view host) const;
  bool lists_origin(std::string_view origin) const;
  GateOptions options_;
};

// 415 for a body that does not call itself JSON: no web page can send one that does without being
// asked for it by a browser's preflight.
ApiResult<void> check_json_type(const HttpRequest& request);
// Whether the origin "https://host:port" is the one that the Host header names.
bool is_same_origin(std::string_view origin, std::string_view host);

// True for equal texts; the time depends on the length of `given` only.
bool equal_in_constant_time(std::string_view given, std::string_view secret);

}  // namespace quire::server
