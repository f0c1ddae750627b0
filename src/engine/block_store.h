// BlockStore: blocks of keys and values on disk, by the name of their prefix
// (engine/prefix_key.h).
//
//   DIR/IDENTITY/KEY.kv     one block each
//
//   bytes  0  "quirekv1"
//          8  number of tokens, u32; 12: 0
//         16  bytes of keys and values, u64
//         24  key, parent key, identity: 16 bytes each
//         72  SHA-256 of all before and all behind it, its first 16 bytes
//         88  tokens, i32 each
//             keys and values, as they lie in the cache
//
// A file is written beside its name and renamed, so it is whole or not there, also after a crash;
// one that is not what it should be is removed, with one line to `log`; one that cannot be read
// stays. The directory holds what
// was used last, of all models and processes together: beyond bytes_max the oldest files go.
//
// Reading and writing happen on a thread of the store. Whoever asks keeps the memory alive and
// still until the transfer is among take_done(), and asks from one thread.
#pragma once
#include "base/result.h"
#include "engine/prefix_key.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

namespace quire {

struct BlockStoreOptions {
  std::string folder;  // "": no store
  int64_t bytes_max = int64_t{8} << 30;
  bool read_only = false;  // nothing in the folder changes
  bool answers = true;     // what was generated is kept, too, not the prompt alone
  std::function<void(const std::string& line)> log;  // from any thread; may be empty
};

struct StoredBlock {
  PrefixKey key, parent;
  int64_t index = 0;  // of the block in its sequence
  std::vector<int32_t> tokens;
};

class BlockStore {
 public:
  // identity: of what keys and values depend on besides tokens, the model first of all. io when the
  // folder cannot be made.
  static Result<std::unique_ptr<BlockStore>> open(const BlockStoreOptions& options,
                                                  const PrefixKey& identity);
  ~BlockStore();  // after writing what it was asked to

  bool has(const PrefixKey& key) const;
  // Neither there nor about to be, and it may be written.
  bool wants(const PrefixKey& key) const;
  bool takes_answers() const { return options_.answers; }

  // ticket: the caller's name for the transfer.
  void read(int32_t ticket, StoredBlock block, std::span<std::byte> into);
  void write(int32_t ticket, StoredBlock block, std::span<const std::byte> from);

  enum class Kind : uint8_t { read, write };
  struct Done {
    Kind kind = Kind::read;
    int32_t ticket = 0;
    bool ok = false;
    StoredBlock block;
  };
  std::vector<Done> take_done();
  void wait() const;  // until take_done() has something, or nothing is being done
  // Writes that have not begun are given up; their tickets.
  std::vector<int32_t> drop_writes();

  struct Counters {
    int64_t n_read = 0, n_written = 0, n_damaged = 0, n_removed = 0;  // blocks
    int64_t n_unread = 0, n_failed = 0;  // that could not be read, or written
    int64_t bytes = 0;                   // in the folder, as far as this store knows
  };
  Counters counters() const;

 private:
  struct Job {
    Kind kind = Kind::read;
    int32_t ticket = 0;
    StoredBlock block;
    std::span<std::byte> into;
    std::span<const std::byte> from;
  };
  BlockStore(BlockStoreOptions options, const PrefixKey& identity);
  void run();
  bool run_read(const Job& job);
  bool run_write(const Job& job);
  void keep_to_size();
  void say(const std::string& line) const;
  void say_unread(const Error& error);
  std::string path_of(const PrefixKey& key) const;

  BlockStoreOptions options_;
  PrefixKey identity_;
  std::string folder_;  // of this identity

  mutable std::mutex mutex_;
  mutable std::condition_variable posted_, finished_;
  std::deque<Job> reads_, writes_;
  bool busy_ = false, stop_ = false;
  std::vector<Done> done_;
  std::unordered_set<PrefixKey, PrefixKeyHash> there_, on_its_way_;
  Counters counters_;
  bool unread_said_ = false;     // the thread's
  int64_t bytes_unchecked_ = 0;  // written since the folder was looked at; the thread's
  std::thread thread_;
};

}  // namespace quire
