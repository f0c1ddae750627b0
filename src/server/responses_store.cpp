#include "server/responses_store.h"

namespace quire::server {

void ResponsesStore::drop(const std::string& id) {
  const auto found = kept_.find(id);
  if (found == kept_.end()) return;
  bytes_ -= found->second.bytes;
  order_.erase(found->second.place);
  kept_.erase(found);
}

void ResponsesStore::put(const std::string& id, StoredResponse stored) {
  const size_t bytes = to_text(stored.response).size() + to_text(stored.input).size() +
                       to_text(stored.messages).size();
  auto shared = std::make_shared<const StoredResponse>(std::move(stored));
  const std::lock_guard lock(mutex_);
  drop(id);
  order_.push_back(id);
  kept_[id] = {std::move(shared), bytes, std::prev(order_.end())};
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
  if (!kept_.contains(id)) return false;
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

bool ResponsesStore::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end()) return false;
  found->second.request_stop();
  return true;
}

}  // namespace quire::server
