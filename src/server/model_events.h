// What happens to models, for clients that watch (GET /models/sse of llama.cpp's server with
// several models), and downloads that run while nobody waits for them.
//
//   {"model": "user/repo:Q8_0", "event": "download_progress", "data": {"progress": {...}}}
//
// Events: download_progress, download_finished, download_failed (data: error), model_remove,
// model_status (data: status).
#pragma once
#include "server/catalog.h"
#include "server/json.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace quire::server {

// Safe to call from many threads.
class ModelEvents {
 public:
  static constexpr size_t n_kept_max = 256;     // events; who reads slower misses some
  static constexpr size_t n_downloads_max = 4;  // at once

  ~ModelEvents() { close(); }

  void tell(const char* event, const std::string& model, const Json& data = {});
  // Where events that are told from now on begin.
  uint64_t place() const;
  struct News {
    std::vector<std::string> events;  // JSON
    bool closed = false;
  };
  // Events since `place`, which moves on; waits for them at most so long, or until `stop`.
  News next(uint64_t& place, std::chrono::milliseconds timeout, const std::stop_token& stop);

  // Pulls a model into the catalog's store, which must live as long as this; events call it
  // `shown_as`. limit for one more than n_downloads_max, usage for one that is on its way.
  Result<void> download(Catalog& catalog, const TransferRequest& request,
                        const std::string& shown_as);
  // Whether a download of that name was running: it ends soon.
  bool cancel(const std::string& shown_as);
  // Ends all waiting and all downloads.
  void close();

 private:
  struct Download {
    std::string shown_as;
    std::atomic<bool> cancelled = false, done = false;
    std::thread thread;
  };
  void run(Catalog& catalog, const TransferRequest& request, Download& download);

  mutable std::mutex mutex_;
  std::condition_variable_any told_;
  std::deque<std::string> events_;  // the oldest first
  uint64_t n_told_ = 0;
  bool closed_ = false;
  std::list<Download> downloads_;
};

}  // namespace quire::server
