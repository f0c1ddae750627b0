// Listens on addresses and gives every client a thread of its own, as many as are allowed.
#pragma once
#include "base/result.h"
#include "server/connection.h"

#include <memory>
#include <string>
#include <vector>

namespace quire::server {

struct ListenAddress {
  std::string host;  // a numeric address or a name
  int port = 0;      // 0: any that is free
};

struct HttpServerOptions {
  std::vector<ListenAddress> addresses;
  std::string tls_certificate, tls_key;  // PEM files; both empty: plain HTTP
  HttpLimits limits;
  int n_connections_max = 512;
};

class HttpServer {
 public:
  // io when an address cannot be listened on, naming it. The handler must outlive the server.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options,
                                                   HttpHandler& handler);
  // Takes no new connections, closes the idle ones, and waits so long for the others to finish;
  // then stops them.
  void drain(double timeout_s);
  ~HttpServer();  // drain(0)

  // The port of each address, in order.
  const std::vector<int>& ports() const;
  int n_connections() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether an address is this machine's own: 127.0.0.0/8, ::1, localhost.
bool is_loopback(const std::string& host);

}  // namespace quire::server
