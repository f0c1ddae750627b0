// BlockPool: who holds which block of the KV cache, and what blocks that nobody holds still keep.
//
// A block is held by any number of sequences. What it keeps is said by its tokens and by the key of
// the prefix before them (engine/prefix_key.h); while it keeps something others find it, whether it
// is held or not. A block that nobody holds is taken when no empty one is left, the one released
// longest ago first. Sequences release their last block first, so that the tail of a prefix goes
// before its head.
//
// Numbers only, no tensors. Belongs to one thread.
#pragma once
#include "engine/prefix_key.h"
#include "kernels/kv_pages.h"

#include <array>
#include <unordered_map>
#include <vector>

namespace quire {

class BlockPool {
 public:
  static constexpr int32_t none = -1;

  explicit BlockPool(int64_t n_blocks);

  int64_t n_blocks() const { return static_cast<int64_t>(blocks_.size()); }
  int64_t n_free() const { return n_empty() + n_kept_; }  // that take() can give
  int64_t n_empty() const { return static_cast<int64_t>(empty_.size()); }
  int64_t n_kept() const { return n_kept_; }        // held by nobody, but with something in them
  int64_t n_evicted() const { return n_evicted_; }  // of these, taken for something else

  // A block held once, without tokens, to follow the prefix `parent`. CHECKs that one is free.
  int32_t take(const PrefixKey& parent);
  void hold(int32_t block);
  void release(int32_t block);
  int32_t n_holders(int32_t block) const { return at(block).n_holders; }

  // One more token in a block that is not full. A full one is found by its key, unless another
  // block keeps the same.
  void add_token(int32_t block, int32_t token);
  // Only the first n tokens are kept; n at least 1.
  void shorten(int32_t block, int64_t n);
  // What a block holds that was read from elsewhere; it must have no tokens yet.
  void fill(int32_t block, std::span<const int32_t> tokens);

  const PrefixKey& parent(int32_t block) const { return at(block).parent; }
  const PrefixKey& key(int32_t block) const { return at(block).key; }  // of a full block
  std::span<const int32_t> tokens(int32_t block) const;

  // The full block of that key, or none.
  int32_t find(const PrefixKey& key) const;
  // The block after `parent` whose tokens agree with the given ones the longest.
  struct Match {
    int32_t block = none;
    int64_t n_tokens = 0;
  };
  Match find_start(const PrefixKey& parent, std::span<const int32_t> tokens) const;

 private:
  struct Block {
    int32_t n_holders = 0, n_tokens = 0;
    bool listed = false;                 // among the children of its parent
    int32_t newer = none, older = none;  // of the kept ones, by time of release
    PrefixKey parent, key;
    std::array<int32_t, kv_block_size> tokens;
  };
  Block& at(int32_t block);
  const Block& at(int32_t block) const;
  void list(int32_t block);
  void unlist(int32_t block);
  void unlink(int32_t block);  // from the kept ones

  std::vector<Block> blocks_;
  std::vector<int32_t> empty_;
  int32_t newest_ = none, oldest_ = none;  // of the kept ones
  int64_t n_kept_ = 0, n_evicted_ = 0;
  std::unordered_map<PrefixKey, int32_t, PrefixKeyHash> full_;
  std::unordered_map<PrefixKey, std::vector<int32_t>, PrefixKeyHash> children_;
};

}  // namespace quire
