#include "store/download.h"

#include "base/file.h"
#include "base/sha256.h"
#include "format/json.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace quire {
namespace {

namespace fs = std::filesystem;

struct Part {
  uint64_t begin, end;
  uint64_t n_done = 0;
};

class Download {
 public:
  Download(const Store& store, std::string url, const StoreLayer& layer,
           const DownloadOptions& options)
      : store_(store),
        url_(std::move(url)),
        layer_(layer),
        options_(options),
        path_(store.blob_path(layer.digest)),
        partial_(path_ + "-partial"),
        state_path_(partial_ + ".json") {}

  Result<void> run() {
    TRY(open());
    if (store_.has_blob(layer_.digest, layer_.size)) {  // another one has just finished it
      ::close(fd_);
      return {};
    }
    resume();
    const auto n =
        std::min<size_t>(static_cast<size_t>(std::max(options_.n_parallel, 1)), parts_.size());
    std::vector<std::thread> threads;
    threads.reserve(n);
    for (size_t i = 0; i < n; ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    const bool synced = ::fsync(fd_) == 0;
    const int reason = errno;
    auto result = save();
    if (error_)
      result = std::unexpected(*error_);
    else if (!synced)
      result = fail(Fault::io, "{}: cannot write: {}", partial_, std::strerror(reason));
    if (result.has_value()) result = finish();
    ::close(fd_);  // and with it the lock
    return result;
  }

 private:
  // Opens the file and waits until nobody else fetches into it.
  Result<void> open() {
    while (true) {
      fd_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      if (fd_ < 0) return fail(Fault::io, "{}: cannot create: {}", partial_, std::strerror(errno));
      while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        if (options_.http.cancelled != nullptr && options_.http.cancelled->load()) {
          ::close(fd_);
          return fail(Fault::cancelled, "{}: stopped", url_);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
      struct stat own{}, named{};
      const bool is_same = ::fstat(fd_, &own) == 0 && ::stat(partial_.c_str(), &named) == 0 &&
                           own.st_ino == named.st_ino;
      if (is_same || store_.has_blob(layer_.digest, layer_.size)) return {};
      ::close(fd_);  // whoever had it has removed it: begin anew
    }
  }

  void resume() {
    for (uint64_t at = 0; at < layer_.size; at += options_.part_bytes)
      parts_.push_back({at, std::min(at + options_.part_bytes, layer_.size)});
    load();
    for (const Part& part : parts_) n_done_ += part.n_done;
  }

  // What an earlier run has left; anything that does not fit is ignored, and begun again.
  void load() {
    std::error_code error;
    const uint64_t there = fs::file_size(partial_, error);
    const auto state = file_exists(state_path_) ? read_json(state_path_) : Result<nlohmann::json>();
    if (error || !state.has_value() || !state->is_array() || state->size() != parts_.size()) return;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const auto& n = (*state)[i];
      if (!n.is_number_unsigned()) continue;
      const uint64_t n_done = n.get<uint64_t>();
      if (n_done <= parts_[i].end - parts_[i].begin && parts_[i].begin + n_done <= there)
        parts_[i].n_done = n_done;
    }
  }

  Result<void> save() {
    nlohmann::json state = nlohmann::json::array();
    for (const Part& part : parts_) state.push_back(part.n_done);
    return write_file(state_path_, state.dump());
  }

  void work() {
    while (true) {
      Part* part = nullptr;
      {
        const std::lock_guard lock(mutex_);
        if (error_ || next_ == parts_.size()) return;
        part = &parts_[next_++];
      }
      Result<void> result;
      for (int attempt = 0; attempt < options_.n_tries; ++attempt) {
        const uint64_t before = part->n_done;
        result = fetch(*part);
        if (result.has_value() || result.error().fault != Fault::io) break;
        if (part->n_done > before) attempt = 0;  // it goes on, if slowly
      }
      const std::lock_guard lock(mutex_);
      if (!result.has_value() && !error_) error_ = result.error();
    }
  }

  Result<void> fetch(Part& part) {
    const uint64_t from = part.begin + part.n_done;
    if (from == part.end) return {};
    return http_get_range(url_, options_.http, from, part.end,
                          [&](std::span<const std::byte> bytes) { return write(part, bytes); });
  }

  Result<void> write(Part& part, std::span<const std::byte> bytes) {
    size_t n = 0;
    while (n < bytes.size()) {
      const ssize_t written = ::pwrite(fd_, bytes.data() + n, bytes.size() - n,
                                       static_cast<off_t>(part.begin + part.n_done + n));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0)
        return fail(Fault::limit, "{}: cannot write: {}", partial_, std::strerror(errno));
      n += static_cast<size_t>(written);
    }
    const std::lock_guard lock(mutex_);
    part.n_done += bytes.size();
    n_done_ += bytes.size();
    if (error_) return std::unexpected(*error_);
    if (options_.on_progress) options_.on_progress(n_done_);
    // Bytes that a crash may lose must not count as there, so the file is written to disk first.
    if (n_done_ - n_saved_ < save_bytes) return {};
    n_saved_ = n_done_;
    if (::fdatasync(fd_) != 0) return {};
    return save();
  }

  Result<void> finish() {
    const std::string sum = TRY(sha256_of_file(partial_));
    std::error_code error;
    if (sum != layer_.digest) {
      fs::remove(partial_, error);
      fs::remove(state_path_, error);
      return fail(Fault::bad_format,
                  "{}: the bytes have the sum {}, wanted is {}; they were removed", url_, sum,
                  layer_.digest);
    }
    fs::rename(partial_, path_, error);
    if (error) return fail(Fault::io, "{}: cannot rename: {}", partial_, error.message());
    fs::remove(state_path_, error);
    return {};
  }

  static constexpr uint64_t save_bytes = 256 << 20;
  const Store& store_;
  std::string url_;
  const StoreLayer& layer_;
  const DownloadOptions& options_;
  std::string path_, partial_, state_path_;
  int fd_ = -1;
  std::mutex mutex_;  // of all below
  std::vector<Part> parts_;
  size_t next_ = 0;
  uint64_t n_done_ = 0, n_saved_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<void> download_blob(const Store& store, const std::string& url, const StoreLayer& layer,
                           const DownloadOptions& options) {
  if (store.has_blob(layer.digest, layer.size)) return {};
  TRY(make_directories(store.root() + "/blobs"));
  if (layer.size == 0) {
    if (layer.digest != sha256_of(""))
      return fail(Fault::bad_format, "{}: a part of no bytes has another sum than {}", url,
                  layer.digest);
    return write_file(store.blob_path(layer.digest), "");
  }
  return Download(store, url, layer, options).run();
}

}  // namespace quire
