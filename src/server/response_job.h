// An answer of /v1/responses that is made while nobody waits for it (background: true): its state
// and its events, for those who ask later.
//
// One thread makes it; any thread may look.
#pragma once
#include "server/http.h"
#include "server/json.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace quire::server {

class ResponseJob {
 public:
  // input: the items it was asked with; response: as it stands at first.
  ResponseJob(Json input, Json response);

  // Of the thread that makes it.
  void set(Json response);           // how it stands now
  void add_event(std::string text);  // the next one, as it is sent
  void finish(Json response);        // the last call
  std::stop_token stop_token() const { return stop_.get_token(); }

  const Json input;
  Json response() const;
  bool finished() const;
  size_t n_bytes() const;  // of the events
  void cancel() { stop_.request_stop(); }
  // Until it is finished, or the one who waits is stopped.
  void wait(const std::stop_token& stop) const;
  // Event `number`, counted from 0; waits for it. Nothing when there will be none, or the one who
  // waits is stopped.
  std::optional<std::string> event(size_t number, const std::stop_token& stop) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  Json response_;
  std::vector<std::string> events_;
  size_t n_bytes_ = 0;
  bool finished_ = false;
  std::stop_source stop_;
};

// The exchange of a client that does not wait: nothing is sent.
class NobodyListens : public Exchange {
 public:
  void send(const HttpAnswer&) override {}
  bool begin(int, std::string_view, const std::vector<HttpHeader>&) override { return true; }
  bool write(std::string_view) override { return true; }
  void end() override {}
};

}  // namespace quire::server
