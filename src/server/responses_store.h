// Answers of /v1/responses that are remembered, so that a later request can go on from one:
// previous_response_id. Kept in memory, the latest ones, until the server ends.
#pragma once
#include "server/json.h"

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

namespace quire::server {

struct StoredResponse {
  Json response;  // as it was answered
  Json input;     // items given with it
  Json messages;  // the whole chat, the answer included, in the form of chat completions
};

// Safe to call from many threads.
class ResponsesStore {
 public:
  static constexpr size_t n_max = 500;
  static constexpr size_t bytes_max = size_t{64} << 20;

  void put(const std::string& id, StoredResponse stored);
  std::optional<StoredResponse> get(const std::string& id) const;
  bool erase(const std::string& id);

  // Answers being made, for cancel.
  void begin(const std::string& id, std::stop_source stop);
  void end(const std::string& id);
  bool cancel(const std::string& id);

 private:
  struct Kept {
    std::shared_ptr<const StoredResponse> stored;
    size_t bytes;
    std::list<std::string>::iterator place;
  };
  void drop(const std::string& id);
  mutable std::mutex mutex_;
  std::list<std::string> order_;  // the oldest first
  std::unordered_map<std::string, Kept> kept_;
  std::unordered_map<std::string, std::stop_source> running_;
  size_t bytes_ = 0;
};

}  // namespace quire::server
