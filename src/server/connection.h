// One client: reads its requests one after the other, has each answered, writes the answers.
#pragma once
#include "server/http_reader.h"

#include <atomic>
#include <string>

namespace quire::server {

// What answers requests. Called from many threads.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // After the header, before the body is read. False: it has answered already, with a refusal.
  virtual bool admit(Exchange& exchange) = 0;
  // Answers. Must not throw.
  virtual void handle(Exchange& exchange) = 0;
  // The header or the body was not to be had.
  virtual void refuse(Exchange& exchange, const ReadError& error) = 0;
  // After the answer: one log line.
  virtual void done(const Exchange& exchange, double seconds) = 0;
};

// Stops an exchange when its client goes away while the answer is being made.
class DisconnectWatch {
 public:
  DisconnectWatch();
  ~DisconnectWatch();
  void add(int fd, Exchange* exchange);
  void remove(int fd);
  bool watches(int fd) const;
  // Stops every exchange there is: the server ends.
  void stop_all();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ConnectionContext {
  HttpHandler& handler;
  DisconnectWatch& watch;
  const HttpLimits& limits;
  const std::atomic<bool>& draining;  // answers say "Connection: close"
};

// Serves until the client leaves, is silent too long, or the server drains.
void serve_connection(Transport& transport, const std::string& peer,
                      const ConnectionContext& context);

}  // namespace quire::server
