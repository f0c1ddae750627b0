#include "text/bpe.h"

#include <algorithm>
#include <functional>

namespace quire {
namespace {

constexpr uint32_t no_rank = std::numeric_limits<uint32_t>::max();
constexpr uint32_t none = std::numeric_limits<uint32_t>::max();
// Up to here scanning beats the heap (both were timed on English: they meet between 20 and 40).
constexpr size_t n_scan_max = 28;

Merge candidate(const MergeTable& table, int32_t left, int32_t right, BpeScratch& scratch,
                const std::vector<bool>* watched) {
  ++scratch.n_steps;
  const Merge* merge = table.find(left, right);
  if (merge == nullptr) return {no_rank, -1};
  if (watched != nullptr && (*watched)[static_cast<size_t>(merge->id)]) {
    scratch.seen.push_back({merge->id, left, right});
  }
  return *merge;
}

void merge_scanning(const MergeTable& table, BpeScratch& scratch,
                    const std::vector<bool>* watched) {
  std::vector<Symbol>& symbols = scratch.symbols;
  size_t n = symbols.size();
  Merge next[n_scan_max];  // of symbol i and i + 1
  for (size_t i = 0; i + 1 < n; ++i) {
    next[i] = candidate(table, symbols[i].id, symbols[i + 1].id, scratch, watched);
  }
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (next[i].rank < next[best].rank) best = i;
    }
    if (next[best].rank == no_rank) break;
    symbols[best].id = next[best].id;
    for (size_t i = best + 1; i + 1 < n; ++i) {
      symbols[i] = symbols[i + 1];
      next[i - 1] = next[i];
    }
    // The shift has put the pair behind the merged symbol at `best`; it is looked up anew.
    --n;
    if (best + 1 < n) {
      next[best] = candidate(table, symbols[best].id, symbols[best + 1].id, scratch, watched);
    }
    if (best > 0) {
      next[best - 1] = candidate(table, symbols[best - 1].id, symbols[best].id, scratch, watched);
    }
  }
  symbols.resize(n);
}

class HeapMerger {
 public:
  HeapMerger(const MergeTable& table, BpeScratch& scratch, const std::vector<bool>* watched)
      : table_(table), scratch_(scratch), watched_(watched) {}

  void run() {
    load();
    std::vector<uint64_t>& heap = scratch_.heap;
    std::ranges::make_heap(heap, std::greater<>());
    while (!heap.empty()) {
      std::ranges::pop_heap(heap, std::greater<>());
      const uint64_t top = heap.back();
      heap.pop_back();
      ++scratch_.n_steps;
      const auto at = static_cast<uint32_t>(top);
      // Stale when the pair there has become another one, or none.
      if (node(at).rank == static_cast<uint32_t>(top >> 32)) merge_at(at);
    }
    store();
  }

 private:
  BpeScratch::Node& node(uint32_t i) { return scratch_.nodes[i]; }

  void load() {
    const auto n = static_cast<uint32_t>(scratch_.symbols.size());
    scratch_.nodes.clear();
    scratch_.heap.clear();
    for (uint32_t i = 0; i < n; ++i) {
      const Symbol& symbol = scratch_.symbols[i];
      scratch_.nodes.push_back(
          {symbol.id, -1, no_rank, symbol.begin, i == 0 ? none : i - 1, i + 1 == n ? none : i + 1});
    }
    for (uint32_t i = 0; i + 1 < n; ++i) {
      if (look_up(i)) scratch_.heap.push_back(heap_key(i));
    }
  }
  bool look_up(uint32_t at) {
    BpeScratch::Node& left = node(at);
    const Merge merge = left.next == none
                            ? Merge{no_rank, -1}
                            : candidate(table_, left.id, node(left.next).id, scratch_, watched_);
    left.rank = merge.rank;
    left.merged = merge.id;
    return merge.rank != no_rank;
  }
  uint64_t heap_key(uint32_t at) { return static_cast<uint64_t>(node(at).rank) << 32 | at; }
  void push_pair(uint32_t at) {
    if (!look_up(at)) return;
    scratch_.heap.push_back(heap_key(at));
    std::ranges::push_heap(scratch_.heap, std::greater<>());
  }
  void merge_at(uint32_t at) {
    BpeScratch::Node& left = node(at);
    BpeScratch::Node& right = node(left.next);
    left.id = left.merged;
    right.rank = no_rank;  // gone: entries of the heap that name it are stale
    left.next = right.next;
    if (left.next != none) node(left.next).previous = at;
    push_pair(at);
    if (left.previous != none) push_pair(left.previous);
  }
  void store() {
    scratch_.symbols.clear();
    for (uint32_t i = 0; i != none; i = node(i).next) {
      scratch_.symbols.push_back({node(i).id, node(i).begin});
    }
  }

  const MergeTable& table_;
  BpeScratch& scratch_;
  const std::vector<bool>* watched_;
};

}  // namespace

void bpe_merge(const MergeTable& table, BpeScratch& scratch, const std::vector<bool>* watched) {
  if (scratch.symbols.size() < 2) return;
  if (scratch.symbols.size() <= n_scan_max) {
    merge_scanning(table, scratch, watched);
  } else {
    HeapMerger(table, scratch, watched).run();
  }
}

}  // namespace quire
