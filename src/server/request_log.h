// The latest requests, for the web app's server page: their log lines as they come, and of some the
// whole: body, prompt as the model saw it, answer.
#pragma once
#include "server/http.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace quire::server {

// A request as a whole, for who looks into it. Parts beyond the limit are cut, and say so.
struct KeptRequest {
  static constexpr size_t part_bytes_max = size_t{1} << 20;
  std::string body, prompt;
  std::vector<std::string> answers;  // one for each choice

  void set_body(std::string_view text) { set(body, text); }
  void set_prompt(std::string_view text) { set(prompt, text); }
  void add_answer(size_t choice, std::string_view text);
  std::string answer() const;  // choices one below the other
  size_t n_bytes() const;

 private:
  static void set(std::string& part, std::string_view text);
};

struct RequestRecord {
  std::string id, method, path, model;
  int64_t time_ms = 0;  // of its end, since 1970
  int status = 0;
  double ms = 0;  // that it took
  int64_t n_prompt = 0, n_generated = 0;
  std::string line;                            // of the log, JSON
  std::shared_ptr<const KeptRequest> whole{};  // null: not kept
};

// Safe to call from many threads.
class RequestLog {
 public:
  static constexpr size_t n_max = 200;        // requests
  static constexpr size_t n_whole_max = 100;  // of which whole
  static constexpr size_t whole_bytes_max = size_t{32} << 20;

  void add(RequestRecord record);
  std::vector<RequestRecord> latest() const;  // the last one first
  // The last one of that id.
  std::optional<RequestRecord> find(const std::string& id) const;

  // Follows the log lines.
  struct Lines {
    std::vector<std::string> lines;
    bool closed = false;
  };
  // Lines since the last call with the same `place` (0: as far back as they are kept); waits for
  // them at most so long, or until `stop`.
  Lines next_lines(uint64_t& place, std::chrono::milliseconds timeout, const std::stop_token& stop);
  // Ends all waiting: the server stops.
  void close();

 private:
  void forget_whole();
  mutable std::mutex mutex_;
  std::condition_variable_any added_;
  std::deque<RequestRecord> records_;  // the oldest first
  uint64_t n_added_ = 0;
  bool closed_ = false;
};

}  // namespace quire::server
