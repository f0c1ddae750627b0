// Counts equal words: an open-addressing table over one arena of bytes.
#pragma once
#include "text/flat_map.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class WordCounter {
 public:
  WordCounter() : slots_(1024, no_word) {}
  void add(std::string_view word, uint64_t count);
  size_t size() const { return words_.size(); }
  // In the order in which they were first met.
  std::string_view word(size_t i) const {
    return std::string_view(bytes_).substr(words_[i].begin, words_[i].n_bytes);
  }
  uint64_t count(size_t i) const { return words_[i].count; }

 private:
  static constexpr uint32_t no_word = ~uint32_t{0};
  struct Word {
    uint64_t begin, count;
    uint32_t n_bytes, tag;
  };
  void grow();
  std::string bytes_;
  std::vector<Word> words_;
  std::vector<uint32_t> slots_;
};

}  // namespace quire
