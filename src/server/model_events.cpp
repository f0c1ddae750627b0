#include "server/model_events.h"

#include "format/printable.h"

#include <algorithm>

namespace quire::server {

void ModelEvents::tell(const char* event, const std::string& model, const Json& data) {
  Json json = {{"model", model}, {"event", event}};
  if (!data.is_null()) json["data"] = data;
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(to_text(json));
    if (events_.size() > n_kept_max) events_.pop_front();
    ++n_told_;
  }
  told_.notify_all();
}

uint64_t ModelEvents::place() const {
  const std::lock_guard lock(mutex_);
  return n_told_;
}

ModelEvents::News ModelEvents::next(uint64_t& place, std::chrono::milliseconds timeout,
                                    const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  told_.wait_for(lock, stop, timeout, [&] { return closed_ || n_told_ > place; });
  const uint64_t n_before = n_told_ - events_.size();  // no longer kept
  News news{{}, closed_};
  for (uint64_t i = std::max(place, n_before); i < n_told_; ++i)
    news.events.push_back(events_[i - n_before]);
  place = n_told_;
  return news;
}

Result<void> ModelEvents::download(Catalog& catalog, const TransferRequest& request,
                                   const std::string& shown_as) {
  const std::lock_guard lock(mutex_);
  for (auto at = downloads_.begin(); at != downloads_.end();) {
    if (!at->done) {
      ++at;
      continue;
    }
    at->thread.join();
    at = downloads_.erase(at);
  }
  if (closed_) return fail(Fault::cancelled, "the server is ending");
  if (std::ranges::any_of(downloads_, [&](const auto& one) { return one.shown_as == shown_as; }))
    return fail(Fault::usage, "the model '{}' is on its way already", printable(shown_as, 100));
  if (downloads_.size() >= n_downloads_max)
    return fail(Fault::limit, "{} models are on their way, at most {} are fetched at once",
                downloads_.size(), n_downloads_max);
  Download& download = downloads_.emplace_back();
  download.shown_as = shown_as;
  download.thread =
      std::thread([this, &catalog, request, &download] { run(catalog, request, download); });
  return {};
}

void ModelEvents::run(Catalog& catalog, const TransferRequest& request, Download& download) {
  const auto on_progress = [&](const TransferProgress& p) {
    if (p.total > 0)
      tell("download_progress", download.shown_as,
           {{"progress", {{p.digest, {{"done", p.completed}, {"total", p.total}}}}}});
    return !download.cancelled;
  };
  const auto done = catalog.pull(request, on_progress);
  if (done)
    tell("download_finished", download.shown_as);
  else
    tell("download_failed", download.shown_as, {{"error", done.error().text}});
  download.done = true;
}

bool ModelEvents::cancel(const std::string& shown_as) {
  const std::lock_guard lock(mutex_);
  for (Download& download : downloads_) {
    if (download.shown_as != shown_as || download.done) continue;
    download.cancelled = true;
    return true;
  }
  return false;
}

void ModelEvents::close() {
  std::list<Download> downloads;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (Download& download : downloads_) download.cancelled = true;
    downloads.swap(downloads_);
  }
  told_.notify_all();
  for (Download& download : downloads) download.thread.join();
}

}  // namespace quire::server
