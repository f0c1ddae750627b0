// SequenceCache: the keys and values of all sequences, in blocks that they share.
//
// A sequence is a table of blocks of one pool (device/kv_cache.h). Blocks are named by the tokens
// up to their end, so a sequence that begins like another, running or finished, adopts its blocks
// and runs only the rest. A block that is not full, or of which only the first part agrees, is
// copied. What finished sequences leave stays until its room is wanted (engine/block_pool.h): the
// budget is the pool. docs/prefix-cache.md has the whole story.
//
// With a store (engine/block_store.h) whole blocks are written to disk and read back; they are then
// blocks that nobody holds, like those that a finished sequence left.
//
// Belongs to one thread.
#pragma once
#include "device/kv_cache.h"
#include "engine/block_pool.h"
#include "engine/block_store.h"

#include <memory>
#include <span>
#include <vector>

namespace quire {

class SequenceCache {
 public:
  // shares: whether blocks are found by others; not for models in which keys and values of a
  // position depend on more than the tokens up to it.
  enum class Sharing : uint8_t { on, off };
  SequenceCache(KvCache kv, int32_t n_sequences, int64_t n_ctx, Sharing sharing);

  KvCache& kv() { return kv_; }
  const KvCache& kv() const { return kv_; }
  bool shares() const { return sharing_ == Sharing::on; }

  int64_t n_past(int32_t sequence) const { return at(sequence).n_past; }
  std::span<const int32_t> blocks(int32_t sequence) const { return at(sequence).blocks; }
  int64_t n_free_blocks() const { return pool_.n_free(); }
  // Blocks that so many more rows of a sequence take.
  int64_t n_blocks_for(int32_t sequence, int64_t n_rows) const;

  // Room for these tokens at the end of the sequence, which are about to be run. CHECKs that there
  // are blocks enough.
  void append(int32_t sequence, std::span<const int32_t> tokens);
  // Forgets all positions from n_past on.
  void truncate(int32_t sequence, int64_t n_past);

  // An empty sequence becomes one of those with this root (root_key()).
  void begin(int32_t sequence, const PrefixKey& root);
  // tokens: those of the whole sequence. Takes over the blocks that are there of those behind
  // n_past, all but the last one. Only where a block begins, elsewhere nothing. Returns the new
  // n_past.
  int64_t adopt(int32_t sequence, std::span<const int32_t> tokens);
  // The same for the first part of a block, after which adopt() has nothing more to do until the
  // block is full.
  int64_t adopt_start(int32_t sequence, std::span<const int32_t> tokens);

  // With a store, else these do nothing. Those of one name are said to be coming once they have
  // been asked for; when they are there adopt() finds them.
  void set_store(std::unique_ptr<BlockStore> store);
  const BlockStore* store() const { return store_.get(); }
  // Asks for blocks that the store has of the tokens behind n_past; whether any are coming.
  bool fetch(int32_t sequence, std::span<const int32_t> tokens);
  // Whole blocks of the sequence that the store does not have are written, when there are
  // n_saved_least tokens at least.
  void save(int32_t sequence);
  // What was read and written since the last call; blocks in transfer are held until then.
  void settle();
  bool in_transfer() const { return n_transfers_ > 0; }
  void wait();  // until one transfer is done, when there is any; then settles
  // Gives up what is not being written yet, for the room of its blocks; whether there was any.
  bool give_up_writes();

  static constexpr int64_t n_saved_least = 4 * kv_block_size;

  struct Use {
    int64_t n_blocks = 0;   // of the pool
    int64_t n_held = 0;     // by sequences, each counted once
    int64_t n_kept = 0;     // by nobody: what is there to be adopted
    int64_t n_evicted = 0;  // of those, since the start
    int64_t block_bytes = 0;
  };
  Use use() const;

 private:
  struct Sequence {
    std::vector<int32_t> blocks;
    int64_t n_past = 0;
    PrefixKey root;
  };
  Sequence& at(int32_t id);
  const Sequence& at(int32_t id) const;
  const PrefixKey& end_key(const Sequence& sequence) const;  // where a block begins
  bool tail_is_shared(const Sequence& sequence) const;
  void own_tail(Sequence& sequence);
  void copy(int32_t from, int32_t to);

  KvCache kv_;
  Sharing sharing_;
  BlockPool pool_;
  std::vector<Sequence> sequences_;
  std::unique_ptr<BlockStore> store_;
  int64_t n_transfers_ = 0;
  std::unordered_map<PrefixKey, int32_t, PrefixKeyHash> coming_;  // being read, into which block
};

}  // namespace quire
