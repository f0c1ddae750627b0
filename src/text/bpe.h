// Byte-pair merging of one word: of all neighbouring symbols that may merge, those with the lowest
// rank do, the leftmost first, until none may (Sennrich, Haddow & Birch 2016, arXiv:1508.07909).
//
// A short word is scanned again after each merge; a long one keeps its candidates in a heap, so n
// symbols cost O(n log n).
#pragma once
#include "text/flat_map.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace quire {

struct Merge {
  uint32_t rank = 0;  // lower merges first
  int32_t id = -1;    // of what the two become
};

// Which two symbols may merge.
class MergeTable {
 public:
  explicit MergeTable(size_t n_merges = 0) : map_(n_merges) {}
  // A later merge of the same two replaces the earlier.
  void set(int32_t left, int32_t right, Merge merge) {
    map_.get_or_insert(key(left, right), merge) = merge;
  }
  // nullptr when they may not; a negative symbol merges with nothing.
  const Merge* find(int32_t left, int32_t right) const {
    return (left | right) < 0 ? nullptr : map_.find(key(left, right));
  }
  size_t size() const { return map_.size(); }

 private:
  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  FlatMap<Merge> map_;
};

struct Symbol {
  int32_t id;
  uint32_t begin;  // byte of the word where it begins
};

// Buffers of bpe_merge, and its input and output.
struct BpeScratch {
  std::vector<Symbol> symbols;
  // A merge that was possible at some time, for pieces that must be taken apart again.
  struct Seen {
    int32_t id, left, right;
  };
  std::vector<Seen> seen;
  uint64_t n_steps = 0;  // look-ups and heap operations so far: what tests count instead of time

  struct Node {
    int32_t id, merged;
    uint32_t rank, begin, previous, next;
  };
  std::vector<Node> nodes;
  std::vector<uint64_t> heap;
};

// Merges scratch.symbols in place. When `watched` is given, candidates that would become an id with
// watched[id] set are appended to scratch.seen.
void bpe_merge(const MergeTable& table, BpeScratch& scratch,
               const std::vector<bool>* watched = nullptr);

}  // namespace quire
