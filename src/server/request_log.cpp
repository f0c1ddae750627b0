#include "server/request_log.h"

#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace quire::server {

void KeptRequest::set(std::string& part, std::string_view text) {
  part = text.substr(0, part_bytes_max);
  if (part.size() == text.size()) return;
  part.resize(utf8_incomplete_tail(part));
  part += fmt::format("\n... {} more bytes", text.size() - part.size());
}

void KeptRequest::add_answer(size_t choice, std::string_view text) {
  if (answers.size() <= choice) answers.resize(choice + 1);
  std::string& answer = answers[choice];
  if (answer.size() + text.size() <= part_bytes_max) answer += text;
}

std::string KeptRequest::answer() const {
  std::string all;
  for (const std::string& answer : answers) all += (all.empty() ? "" : "\n\n") + answer;
  return all;
}

size_t KeptRequest::n_bytes() const {
  size_t n = body.size() + prompt.size();
  for (const std::string& answer : answers) n += answer.size();
  return n;
}

void RequestLog::add(RequestRecord record) {
  {
    const std::lock_guard lock(mutex_);
    records_.push_back(std::move(record));
    if (records_.size() > n_max) records_.pop_front();
    ++n_added_;
    forget_whole();
  }
  added_.notify_all();
}

// The oldest go first; the newest alone may be larger than all may be together, as its parts have
// limits of their own (KeptRequest).
void RequestLog::forget_whole() {
  size_t n_whole = 0, n_bytes = 0;
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (record->whole == nullptr) continue;
    ++n_whole;
    n_bytes += record->whole->n_bytes();
    if (n_whole > n_whole_max || (n_whole > 1 && n_bytes > whole_bytes_max)) record->whole.reset();
  }
}

std::vector<RequestRecord> RequestLog::latest() const {
  const std::lock_guard lock(mutex_);
  return {records_.rbegin(), records_.rend()};
}

std::optional<RequestRecord> RequestLog::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(records_.rbegin(), records_.rend(),
                                  [&](const RequestRecord& record) { return record.id == id; });
  if (found == records_.rend()) return std::nullopt;
  return *found;
}

RequestLog::Lines RequestLog::next_lines(uint64_t& place, std::chrono::milliseconds timeout,
                                         const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  added_.wait_for(lock, stop, timeout, [&] { return closed_ || n_added_ > place; });
  const uint64_t n_before = n_added_ - records_.size();  // no longer kept
  Lines result{{}, closed_};
  for (uint64_t i = std::max(place, n_before); i < n_added_; ++i)
    result.lines.push_back(records_[i - n_before].line);
  place = n_added_;
  return result;
}

void RequestLog::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  added_.notify_all();
}

}  // namespace quire::server
