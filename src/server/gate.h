// Who may come in: keys, the Host header, and what browsers are told about other origins.
//
// Every request passes here before its body is read. A key comes as "Authorization: Bearer KEY" or
// "x-api-key: KEY" and is compared in constant time. The Host header must name this server, so that
// a web page cannot reach it under a name of its own (DNS rebinding). Answers allow other origins
// only when they are listed.
#pragma once
#include "server/api_error.h"

#include <string>
#include <vector>

namespace quire::server {

struct GateOptions {
  std::vector<std::string> api_keys;       // empty: none is asked for
  std::vector<std::string> allowed_hosts;  // beside loopback names; "*": any
  std::vector<std::string> cors_origins;   // "https://app.example"; "*": any
};

// Immutable; may be used from many threads.
class Gate {
 public:
  explicit Gate(GateOptions options);
  // is_public: needs no key (health checks). 401 without a valid key, 421 for a foreign Host.
  ApiResult<void> check(const HttpRequest& request, bool is_public) const;
  // What an answer says to the request's Origin; nothing when it is not listed.
  std::vector<HttpHeader> cors_headers(const HttpRequest& request) const;
  // Of "OPTIONS" with Access-Control-Request-Method.
  bool is_preflight(const HttpRequest& request) const;

 private:
  bool knows_key(std::string_view key) const;
  bool knows_host(std::string_view host) const;
  GateOptions options_;
};

// True for equal texts; the time depends on the length of `given` only.
bool equal_in_constant_time(std::string_view given, std::string_view secret);

}  // namespace quire::server
