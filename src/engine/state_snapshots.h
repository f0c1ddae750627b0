// StateSnapshots: the states that sequences of a recurrent model had at places of their texts, so
// that another sequence which begins with the same text goes on from there.
//
// A state holds all tokens before it and cannot be cut back or put together from blocks, so it is
// kept as a whole, at ends of blocks that the engine chooses (engine/recurrent_prompts.cpp). There
// are a number of places; the one used longest ago is taken for a new state. With a store
// (engine/block_store.h) states are written to disk, too, under the key of their last block.
//
// Belongs to one thread.
#pragma once
#include "device/state_cache.h"
#include "engine/block_store.h"
#include "kernels/kv_pages.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace quire {

class StateSnapshots {
 public:
  // The places are those of `states` from `first` on.
  StateSnapshots(const StateCache& states, int32_t first, int32_t n_places);

  // A text under a root (engine/prefix_key.h).
  struct Text {
    PrefixKey root;
    std::span<const int32_t> tokens;
  };

  // Gives the sequence the state of the longest kept text that `text` goes on from, when that is
  // longer than n_past. Returns how many tokens the sequence has then seen.
  int64_t restore(int32_t sequence, Text text, int64_t n_past);
  // How many tokens `text` has in common with what is kept, at most: where texts part.
  int64_t n_common(Text text) const;

  // Keeps the state of a sequence that has seen this text, of whole blocks. Nothing when it is
  // there, or when every place is being read or written.
  enum class Disk : uint8_t { write, leave };
  void keep(int32_t sequence, Text text, Disk disk);

  // The same of a text that grows by the answer of this sequence: the state takes the place of the
  // shorter one. end_growing() writes what is there.
  void keep_growing(int32_t sequence, Text text);
  void end_growing(int32_t sequence);

  void set_store(std::unique_ptr<BlockStore> store) { store_ = std::move(store); }
  const BlockStore* store() const { return store_.get(); }
  // Asks for the longest text that the store has of this one, unless one as long is kept. Whether
  // one is coming.
  bool fetch(Text text);
  // What was read and written since the last call.
  void settle();
  bool in_transfer() const { return n_transfers_ > 0; }
  void wait();  // until one transfer is done, when there is any; then settles

  int32_t n_places() const { return static_cast<int32_t>(places_.size()); }
  int32_t n_used() const;

  static constexpr int64_t n_saved_least = 4 * kv_block_size;  // shorter texts stay off the disk

 private:
  struct Place {
    PrefixKey root;
    std::vector<int32_t> tokens;  // empty: nothing is kept here
    uint64_t used_at = 0;
    bool in_transfer = false, is_read = false;
    int32_t grows_with = -1;  // a sequence
  };
  bool holds(const Place& place, const Text& text) const;
  std::optional<size_t> longest(const Text& text) const;
  std::optional<size_t> free_place() const;
  std::optional<size_t> growing(int32_t sequence) const;
  void copy(int32_t sequence, size_t place, const Text& text);
  void write(size_t place);
  int32_t state_of(size_t place) const { return first_ + static_cast<int32_t>(place); }
  std::span<std::byte> bytes_of(size_t place) const;

  const StateCache& states_;
  int32_t first_;
  std::vector<Place> places_;
  uint64_t clock_ = 0;
  std::unique_ptr<BlockStore> store_;
  int64_t n_transfers_ = 0;
};

}  // namespace quire
