#include "server/response_job.h"

namespace quire::server {

ResponseJob::ResponseJob(Json the_input, Json response)
    : input(std::move(the_input)), response_(std::move(response)) {}

void ResponseJob::set(Json response) {
  const std::lock_guard lock(mutex_);
  response_ = std::move(response);
}

void ResponseJob::add_event(std::string text) {
  {
    const std::lock_guard lock(mutex_);
    n_bytes_ += text.size();
    events_.push_back(std::move(text));
  }
  changed_.notify_all();
}

void ResponseJob::finish(Json response) {
  {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
    finished_ = true;
  }
  changed_.notify_all();
}

Json ResponseJob::response() const {
  const std::lock_guard lock(mutex_);
  return response_;
}

bool ResponseJob::finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

size_t ResponseJob::n_bytes() const {
  const std::lock_guard lock(mutex_);
  return n_bytes_;
}

void ResponseJob::wait(const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [&] { return finished_; });
}

std::optional<std::string> ResponseJob::event(size_t number, const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [&] { return finished_ || number < events_.size(); });
  if (stop.stop_requested() || number >= events_.size()) return std::nullopt;
  return events_[number];
}

}  // namespace quire::server
