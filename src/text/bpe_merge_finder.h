// The heart of BPE training: which pairs to merge, given the distinct words and their counts.
//
// Every pair has its count and the words it may be in; a heap holds pairs by count. Counts that
// sank are noticed when their entry comes up, counts that rose get a new entry. A merge touches
// only the words of its pair.
#pragma once
#include "text/flat_map.h"
#include "text/word_counter.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace quire {

struct FoundMerge {
  int32_t left, right, id;  // id: of the piece the two make; may have been made before
};

class BpeMergeFinder {
 public:
  // pieces: the symbols so far, as bytes; byte_ids[b] is the index of the piece of byte b. words is
  // read here only.
  BpeMergeFinder(const WordCounter& words, std::vector<std::string> pieces,
                 const std::vector<int32_t>& byte_ids);
  // Merges until there are n_pieces_max pieces or no pair comes min_frequency times.
  std::vector<FoundMerge> run(size_t n_pieces_max, uint64_t min_frequency);
  // The pieces given and those made, in the order of their ids.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  struct Word {
    uint64_t begin;  // of its symbols
    uint32_t n;
    int64_t count;
  };
  struct Pair {
    uint64_t key = 0;
    int64_t count = 0;
    bool merged = false, touched = false;
    std::vector<uint32_t> words;  // those it is in, and some it is no longer in
  };
  struct Entry {
    int64_t count;
    uint64_t key;
    uint32_t pair;
    // Higher counts first, then smaller ids.
    bool operator<(const Entry& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };

  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  uint32_t pair_index(uint64_t key);
  void change(int32_t left, int32_t right, int64_t by, uint32_t word);
  void push(uint32_t pair);
  int32_t piece_of(int32_t left, int32_t right);
  void merge_in_word(uint32_t word, int32_t left, int32_t right, int32_t id);

  std::vector<std::string> pieces_;
  std::unordered_map<std::string, int32_t> piece_ids_;
  std::vector<Word> words_;
  std::vector<int32_t> symbols_;
  FlatMap<uint32_t> pair_index_;
  std::vector<Pair> pairs_;
  std::vector<Entry> heap_;
  std::vector<uint32_t> touched_;
};

}  // namespace quire
