// Answers of /v1/responses that are remembered, so that a later request can go on from one:
// previous_response_id. Kept in memory, the latest ones, until the server ends. Those that are made
// in the background have a thread each.
#pragma once
#include "base/result.h"
#include "server/json.h"
#include "server/response_job.h"

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
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
  ~ResponsesStore();  // cancels what is being made
  static constexpr size_t n_max = 500;
  static constexpr size_t bytes_max = size_t{64} << 20;

  void put(const std::string& id, StoredResponse stored);
  std::optional<StoredResponse> get(const std::string& id) const;
  bool erase(const std::string& id);

  // Answers being made, for cancel.
  void begin(const std::string& id, std::stop_source stop);
  void end(const std::string& id);
  bool cancel(const std::string& id);

  // A thread of its own runs `make`, which finishes the job. device when n_most are being made.
  Result<void> start(const std::string& id, std::shared_ptr<ResponseJob> job, size_t n_most,
                     std::function<void()> make);
  // The job of a response in the background, as long as the response is kept; else null.
  std::shared_ptr<ResponseJob> job(const std::string& id) const;
  // put() of a job's answer, unless it was erased meanwhile.
  void put_made(const std::string& id, StoredResponse stored);

 private:
  struct Kept {
    std::shared_ptr<const StoredResponse> stored;
    size_t bytes;
    std::list<std::string>::iterator place;
  };
  struct Maker {
    std::shared_ptr<ResponseJob> job;
    std::thread thread;
  };
  void drop(const std::string& id);
  void keep(const std::string& id, StoredResponse stored, size_t bytes);
  mutable std::mutex mutex_;
  std::list<std::string> order_;  // the oldest first
  std::unordered_map<std::string, Kept> kept_;
  std::unordered_map<std::string, std::stop_source> running_;
  std::unordered_map<std::string, std::shared_ptr<ResponseJob>> jobs_;
  std::list<Maker> makers_;
  size_t bytes_ = 0;
};

}  // namespace quire::server
