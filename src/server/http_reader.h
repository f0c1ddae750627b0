// Reads requests of HTTP/1.0 and 1.1 (RFC 9112) from a client that is not trusted: every length has
// a limit and every wait a deadline. Boost.Beast parses; it is included in http_reader.cpp only.
#pragma once
#include "server/http.h"
#include "server/transport.h"

#include <cstdint>
#include <memory>
#include <string>

namespace quire::server {

struct HttpLimits {
  uint32_t header_bytes_max = 64 << 10;          // 431 beyond
  uint64_t body_bytes_max = uint64_t{32} << 20;  // 413 beyond
  uint64_t blob_bytes_max = uint64_t{1} << 40;   // of a body that goes to a sink; 413 beyond
  uint32_t target_bytes_max = 16 << 10;          // 414 beyond
  double idle_timeout_s = 75;                    // between requests; then the connection is closed
  double header_timeout_s = 15;                  // for all of a header; 408
  double body_timeout_s = 60;                    // for all of a body, a piece of a blob; 408
  double write_timeout_s = 60;                   // a client that takes nothing for so long is gone
};

// What kept a request from being read: an answer with this status, then the connection is closed.
struct ReadError {
  int status = 400;
  std::string text;
};

enum class HeadStatus : uint8_t { request, closed, error };

// Belongs to one thread.
class HttpReader {
 public:
  HttpReader(Transport& transport, const HttpLimits& limits);
  ~HttpReader();

  // Waits for the next request and reads its header; `closed` when the client said goodbye or was
  // silent for idle_timeout_s.
  HeadStatus read_head(HttpRequest& request, ReadError& error);
  // Whether the length that the header gives may come. False: error says why.
  bool check_length(const HttpRequest& request, ReadError& error) const;
  // Reads the body of that request, into its sink if it has one. False: error says why.
  bool read_body(HttpRequest& request, ReadError& error);
  // Whether the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  // Reads on for a moment and throws away what comes, so that an answer given before the request
  // was read to its end is not lost with it.
  void drain();

 private:
  struct State;
  bool take_body(HttpRequest& request, uint64_t& n_bytes, ReadError& error);
  std::unique_ptr<State> state_;
};

}  // namespace quire::server
