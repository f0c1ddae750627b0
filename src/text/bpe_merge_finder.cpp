#include "text/bpe_merge_finder.h"

#include <algorithm>

namespace quire {

BpeMergeFinder::BpeMergeFinder(const WordCounter& words, std::vector<std::string> pieces,
                               const std::vector<int32_t>& byte_ids)
    : pieces_(std::move(pieces)) {
  for (size_t id = 0; id < pieces_.size(); ++id) {
    piece_ids_.emplace(pieces_[id], static_cast<int32_t>(id));
  }
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view text = words.word(i);
    words_.push_back({symbols_.size(), static_cast<uint32_t>(text.size()),
                      static_cast<int64_t>(words.count(i))});
    for (const char byte : text) symbols_.push_back(byte_ids[static_cast<unsigned char>(byte)]);
  }
  for (uint32_t w = 0; w < words_.size(); ++w) {
    const int32_t* symbols = symbols_.data() + words_[w].begin;
    for (uint32_t i = 0; i + 1 < words_[w].n; ++i) {
      change(symbols[i], symbols[i + 1], words_[w].count, w);
    }
  }
}

uint32_t BpeMergeFinder::pair_index(uint64_t pair_key) {
  const auto next = static_cast<uint32_t>(pairs_.size());
  const uint32_t index = pair_index_.get_or_insert(pair_key, next);
  if (index == next) {
    pairs_.emplace_back();
    pairs_.back().key = pair_key;
  }
  return index;
}

void BpeMergeFinder::change(int32_t left, int32_t right, int64_t by, uint32_t word) {
  const uint32_t index = pair_index(key(left, right));
  Pair& pair = pairs_[index];
  pair.count += by;
  if (by <= 0) return;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  if (!pair.touched) {
    pair.touched = true;
    touched_.push_back(index);
  }
}

void BpeMergeFinder::push(uint32_t index) {
  if (pairs_[index].count <= 0) return;
  heap_.push_back({pairs_[index].count, pairs_[index].key, index});
  std::push_heap(heap_.begin(), heap_.end());
}

// The piece the two make together, made now unless there is one of the same bytes.
int32_t BpeMergeFinder::piece_of(int32_t left, int32_t right) {
  std::string bytes = pieces_[static_cast<size_t>(left)] + pieces_[static_cast<size_t>(right)];
  const auto [place, is_new] = piece_ids_.try_emplace(bytes, static_cast<int32_t>(pieces_.size()));
  if (is_new) pieces_.push_back(std::move(bytes));
  return place->second;
}

void BpeMergeFinder::merge_in_word(uint32_t index, int32_t left, int32_t right, int32_t id) {
  Word& word = words_[index];
  int32_t* symbols = symbols_.data() + word.begin;
  uint32_t n_out = 0;
  for (uint32_t i = 0; i < word.n; ++i) {
    if (symbols[i] != left || i + 1 == word.n || symbols[i + 1] != right) {
      symbols[n_out++] = symbols[i];
      continue;
    }
    change(left, right, -word.count, index);
    if (n_out > 0) {
      change(symbols[n_out - 1], left, -word.count, index);
      change(symbols[n_out - 1], id, word.count, index);
    }
    if (i + 2 < word.n) {
      change(right, symbols[i + 2], -word.count, index);
      change(id, symbols[i + 2], word.count, index);
    }
    symbols[n_out++] = id;
    ++i;
  }
  word.n = n_out;
}

std::vector<FoundMerge> BpeMergeFinder::run(size_t n_pieces_max, uint64_t min_frequency) {
  std::vector<FoundMerge> found;
  for (;;) {
    for (const uint32_t index : touched_) {
      pairs_[index].touched = false;
      push(index);
    }
    touched_.clear();
    if (heap_.empty() || pieces_.size() >= n_pieces_max) break;
    std::pop_heap(heap_.begin(), heap_.end());
    const Entry top = heap_.back();
    heap_.pop_back();
    if (pairs_[top.pair].count != top.count) {
      // Sunk since, and in its new place nowhere else in the heap unless it rose again.
      if (pairs_[top.pair].count < top.count) push(top.pair);
      continue;
    }
    if (static_cast<uint64_t>(top.count) < min_frequency) break;
    const auto left = static_cast<int32_t>(top.key >> 32);
    const auto right = static_cast<int32_t>(top.key & 0xFFFFFFFF);
    const int32_t id = piece_of(left, right);
    Pair& pair = pairs_[top.pair];
    // A pair that was merged before and came again, because another merge made its left or right
    // piece anew, is merged at once by the rule that stands already.
    if (!pair.merged) found.push_back({left, right, id});
    pair.merged = true;
    const std::vector<uint32_t> words = std::move(pair.words);
    pair.words.clear();
    for (const uint32_t word : words) merge_in_word(word, left, right, id);
  }
  return found;
}

}  // namespace quire
