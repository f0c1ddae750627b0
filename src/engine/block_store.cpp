#include "engine/block_store.h"

#include "base/check.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

namespace quire {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".kv";
constexpr size_t header_bytes = 88, checksum_at = 72;

// All of a file before its keys and values.
std::string head_of(const StoredBlock& block, const PrefixKey& identity,
                    std::span<const std::byte> data) {
  std::string head(header_bytes + 4 * block.tokens.size(), '\0');
  const auto put = [&](size_t at, const auto& value) {
    std::memcpy(head.data() + at, &value, sizeof value);
  };
  std::memcpy(head.data(), "quirekv1", 8);
  put(8, static_cast<uint32_t>(block.tokens.size()));
  put(16, uint64_t{data.size()});
  put(24, block.key), put(40, block.parent), put(56, identity);
  std::memcpy(head.data() + header_bytes, block.tokens.data(), 4 * block.tokens.size());
  const auto bytes = std::as_bytes(std::span(head));
  const std::array parts{bytes.first(checksum_at), bytes.subspan(header_bytes), data};
  put(checksum_at, digest(parts));
  return head;
}

// A prefix's tail is to go before its head: of blocks used together the later ones look older.
void mark_used(const std::string& path, int64_t index) {
  constexpr int64_t step_ns = 100'000'000;  // more than a block takes to be read or written
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - index * step_ns;
  const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
  const timespec times[2] = {time, time};
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

struct Found {
  fs::path path;
  int64_t bytes = 0;
  fs::file_time_type used;
};

// Every file of every identity. What was left half written long ago may go.
enum class Leftovers : uint8_t { stay, go };
std::vector<Found> files_in(const std::string& folder, Leftovers leftovers = Leftovers::go) {
  std::vector<Found> files;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code inner;
    for (fs::directory_iterator file(at->path(), inner); !inner && file != end;
         file.increment(inner)) {
      std::error_code gone;
      const auto used = file->last_write_time(gone);
      const auto bytes = static_cast<int64_t>(gone ? 0 : file->file_size(gone));
      if (gone) continue;
      const std::string name = file->path().filename().string();
      if (name.ends_with(suffix))
        files.push_back({file->path(), (bytes + 4095) / 4096 * 4096, used});
      else if (leftovers == Leftovers::go && name.find(".kv.tmp-") != name.npos &&
               now - used > std::chrono::minutes(10))
        fs::remove(file->path(), gone);
    }
  }
  return files;
}

std::optional<PrefixKey> key_of(const std::string& name) {
  if (name.size() != 32 + suffix.size()) return std::nullopt;
  uint64_t words[2] = {};
  for (size_t i = 0; i < 32; ++i) {
    const char c = name[i];
    const bool letter = c >= 'a' && c <= 'f';
    if (!letter && (c < '0' || c > '9')) return std::nullopt;
    words[i / 16] = words[i / 16] << 4 | static_cast<uint64_t>(letter ? c - 'a' + 10 : c - '0');
  }
  return PrefixKey{words[0], words[1]};
}

}  // namespace

BlockStore::BlockStore(BlockStoreOptions options, const PrefixKey& identity)
    : options_(std::move(options)),
      identity_(identity),
      folder_(options_.folder + "/" + identity.hex()) {}

Result<std::unique_ptr<BlockStore>> BlockStore::open(const BlockStoreOptions& options,
                                                     const PrefixKey& identity) {
  std::unique_ptr<BlockStore> store(new BlockStore(options, identity));
  if (!options.read_only) {
    TRY(make_directories(store->folder_));
    // Prompts can be read from it.
    std::error_code ignored;
    fs::permissions(store->folder_, fs::perms::owner_all, ignored);
  }
  for (const Found& file :
       files_in(options.folder, options.read_only ? Leftovers::stay : Leftovers::go)) {
    store->counters_.bytes += file.bytes;
    if (file.path.parent_path().filename() != identity.hex()) continue;
    if (const auto key = key_of(file.path.filename().string())) store->there_.insert(*key);
  }
  store->thread_ = std::thread([raw = store.get()] { raw->run(); });
  return store;
}

BlockStore::~BlockStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    reads_.clear();
  }
  posted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::string BlockStore::path_of(const PrefixKey& key) const {
  return folder_ + "/" + key.hex() + std::string(suffix);
}

void BlockStore::say(const std::string& line) const {
  if (options_.log) options_.log(line);
}

bool BlockStore::has(const PrefixKey& key) const {
  const std::lock_guard lock(mutex_);
  return there_.contains(key);
}

bool BlockStore::wants(const PrefixKey& key) const {
  const std::lock_guard lock(mutex_);
  return !options_.read_only && !there_.contains(key) && !on_its_way_.contains(key);
}

void BlockStore::read(int32_t ticket, StoredBlock block, std::span<std::byte> into) {
  {
    const std::lock_guard lock(mutex_);
    reads_.push_back({Kind::read, ticket, std::move(block), into, {}});
  }
  posted_.notify_one();
}

void BlockStore::write(int32_t ticket, StoredBlock block, std::span<const std::byte> from) {
  {
    const std::lock_guard lock(mutex_);
    on_its_way_.insert(block.key);
    writes_.push_back({Kind::write, ticket, std::move(block), {}, from});
  }
  posted_.notify_one();
}

std::vector<BlockStore::Done> BlockStore::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void BlockStore::wait() const {
  std::unique_lock lock(mutex_);
  finished_.wait(lock,
                 [&] { return !done_.empty() || (!busy_ && reads_.empty() && writes_.empty()); });
}

std::vector<int32_t> BlockStore::drop_writes() {
  std::vector<int32_t> tickets;
  const std::lock_guard lock(mutex_);
  for (const Job& job : writes_) {
    tickets.push_back(job.ticket);
    on_its_way_.erase(job.block.key);
  }
  writes_.clear();
  return tickets;
}

BlockStore::Counters BlockStore::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

// The thread: what somebody waits for first.
void BlockStore::run() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [&] { return stop_ || !reads_.empty() || !writes_.empty(); });
      std::deque<Job>& queue = reads_.empty() ? writes_ : reads_;
      if (queue.empty()) return;
      job = std::move(queue.front());
      queue.pop_front();
      busy_ = true;
    }
    const bool ok = job.kind == Kind::read ? run_read(job) : run_write(job);
    {
      const std::lock_guard lock(mutex_);
      if (job.kind == Kind::write) on_its_way_.erase(job.block.key);
      if (ok)
        there_.insert(job.block.key);
      else
        there_.erase(job.block.key);
      done_.push_back({job.kind, job.ticket, ok, std::move(job.block)});
      busy_ = false;
    }
    finished_.notify_all();
  }
}

// What is expected is known but for the keys and values, so there is nothing to parse.
bool BlockStore::run_read(const Job& job) {
  const std::string path = path_of(job.block.key);
  const size_t n_head = header_bytes + 4 * job.block.tokens.size();
  const auto file = read_file(path, n_head + job.into.size());
  // Another process removed it; or it cannot be read now, as with too many files open, and says
  // nothing of what is in it.
  if (!file && file.error().fault != Fault::limit) {
    if (file.error().fault != Fault::not_found) say_unread(file.error());
    return false;
  }
  if (file && file->size() == n_head + job.into.size()) {
    const auto data = std::as_bytes(std::span(*file)).subspan(n_head);
    if (file->starts_with(head_of(job.block, identity_, data))) {
      std::memcpy(job.into.data(), data.data(), data.size());
      if (!options_.read_only) mark_used(path, job.block.index);
      const std::lock_guard lock(mutex_);
      ++counters_.n_read;
      return true;
    }
  }
  say(fmt::format("prompt cache: {}: it is damaged; {}, its tokens are run again", path,
                  options_.read_only ? "left as it is" : "removed"));
  std::error_code ignored;
  if (!options_.read_only) fs::remove(path, ignored);
  const std::lock_guard lock(mutex_);
  ++counters_.n_damaged;
  return false;
}

// Once: what stops one file from being read may stop them all.
void BlockStore::say_unread(const Error& error) {
  if (!std::exchange(unread_said_, true))
    say(fmt::format("prompt cache: {}; left as it is, its tokens are run again", error.text));
  const std::lock_guard lock(mutex_);
  ++counters_.n_unread;
}

bool BlockStore::run_write(const Job& job) {
  const std::string path = path_of(job.block.key);
  const std::string head = head_of(job.block, identity_, job.from);
  const auto written = [&]() -> Result<void> {
    TRY(make_directories(folder_));
    auto file = TRY(AtomicFile::create(path));
    TRY(file.write(head));
    TRY(file.write(job.from));
    return file.commit();
  }();
  if (!written) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = counters_.n_failed++ == 0;
    }
    if (first)
      say(fmt::format("prompt cache: {}; prompts are not kept on disk until this is mended",
                      written.error().text));
    return false;
  }
  mark_used(path, job.block.index);
  const auto n_bytes = static_cast<int64_t>(head.size() + job.from.size() + 4095) / 4096 * 4096;
  bytes_unchecked_ += n_bytes;
  bool check = false;
  {
    const std::lock_guard lock(mutex_);
    ++counters_.n_written;
    counters_.bytes += n_bytes;
    check = counters_.bytes > options_.bytes_max || bytes_unchecked_ > options_.bytes_max / 16;
  }
  if (check) keep_to_size();
  return true;
}

// Others write into the folder, too, so it is looked at anew. A tenth more than needed goes, so
// that this is seldom done.
void BlockStore::keep_to_size() {
  std::vector<Found> files = files_in(options_.folder);
  int64_t bytes = 0, n_removed = 0;
  for (const Found& file : files) bytes += file.bytes;
  std::vector<PrefixKey> removed;
  if (bytes > options_.bytes_max) {
    std::ranges::sort(files, {}, &Found::used);
    for (const Found& file : files) {
      if (bytes <= options_.bytes_max / 10 * 9) break;
      std::error_code ignored;
      fs::remove(file.path, ignored);
      bytes -= file.bytes;
      ++n_removed;
      if (file.path.parent_path().filename() != identity_.hex()) continue;
      if (const auto key = key_of(file.path.filename().string())) removed.push_back(*key);
    }
  }
  bytes_unchecked_ = 0;
  const std::lock_guard lock(mutex_);
  for (const PrefixKey& key : removed) there_.erase(key);
  counters_.bytes = bytes;
  counters_.n_removed += n_removed;
}

}  // namespace quire
