#include "server/responses_store.h"

namespace quire::server {

namespace {

size_t bytes_of(const StoredResponse& stored) {
  return to_text(stored.response).size() + to_text(stored.input).size() +
         to_text(stored.messages).size();
}

}  // namespace

ResponsesStore::~ResponsesStore() {
  for (const Maker& maker : makers_) maker.job->cancel();
  for (Maker& maker : makers_) maker.thread.join();
}

void ResponsesStore::drop(const std::string& id) {
  jobs_.erase(id);
  const auto found = kept_.find(id);
  if (found == kept_.end()) return;
  bytes_ -= found->second.bytes;
  order_.erase(found->second.place);
  kept_.erase(found);
}

void ResponsesStore::put(const std::string& id, StoredResponse stored) {
  const size_t bytes = bytes_of(stored);
  const std::lock_guard lock(mutex_);
  keep(id, std::move(stored), bytes);
}

void ResponsesStore::put_made(const std::string& id, StoredResponse stored) {
  const size_t bytes = bytes_of(stored);
  const std::lock_guard lock(mutex_);
  const auto job = jobs_.find(id);
  if (job != jobs_.end()) keep(id, std::move(stored), bytes + job->second->n_bytes());
}

void ResponsesStore::keep(const std::string& id, StoredResponse stored, size_t bytes) {
  order_.push_back(id);
  kept_[id] = {std::make_shared<const StoredResponse>(std::move(stored)), bytes,
               std::prev(order_.end())};
  bytes_ += bytes;
  while (!order_.empty() && (kept_.size() > n_max || bytes_ > bytes_max))
    drop(std::string(order_.front()));
}

std::optional<StoredResponse> ResponsesStore::get(const std::string& id) const {
  std::shared_ptr<const StoredResponse> stored;
  {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(id);
    if (found == kept_.end()) return std::nullopt;
    stored = found->second.stored;
  }
  return *stored;
}

bool ResponsesStore::erase(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto job = jobs_.find(id);
  if (job == jobs_.end() && !kept_.contains(id)) return false;
  if (job != jobs_.end()) job->second->cancel();
  drop(id);
  return true;
}

void ResponsesStore::begin(const std::string& id, std::stop_source stop) {
  const std::lock_guard lock(mutex_);
  running_.emplace(id, std::move(stop));
}

void ResponsesStore::end(const std::string& id) {
  const std::lock_guard lock(mutex_);
  running_.erase(id);
}

Result<void> ResponsesStore::start(const std::string& id, std::shared_ptr<ResponseJob> job,
                                   size_t n_most, std::function<void()> make) {
  const std::lock_guard lock(mutex_);
  for (auto at = makers_.begin(); at != makers_.end();) {
    if (!at->job->finished()) {
      ++at;
      continue;
    }
    at->thread.join();  // it has nothing more to do
    at = makers_.erase(at);
  }
  if (makers_.size() >= n_most)
    return fail(Fault::device,
                "{} answers are being made in the background, at most {} may (--queue); try again "
                "later",
                makers_.size(), n_most);
  jobs_[id] = job;
  makers_.push_back({std::move(job), std::thread(std::move(make))});
  return {};
}

std::shared_ptr<ResponseJob> ResponsesStore::job(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  return found != jobs_.end() ? found->second : nullptr;
}

bool ResponsesStore::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end()) return false;
  found->second.request_stop();
  return true;
}

}  // namespace quire::server
