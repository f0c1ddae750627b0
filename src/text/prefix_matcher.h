// Finds the longest of some strings that stands at a place of a text: a trie whose edges are in one
// flat map.
#pragma once
#include "text/flat_map.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace quire {

class PrefixMatcher {
 public:
  struct Found {
    int32_t id = -1;  // none
    size_t n_bytes = 0;
  };

  // Of equal texts the last one counts. An empty text is never found.
  void add(std::string_view text, int32_t id) {
    if (text.empty()) return;
    uint32_t node = 0;
    for (const char byte : text) node = child(node, byte);
    ends_[node] = id;
    starts_[static_cast<unsigned char>(text[0])] = true;
  }
  bool empty() const { return ends_.size() == 1; }
  Found find(std::string_view text) const {
    Found found;
    if (text.empty() || !starts_[static_cast<unsigned char>(text[0])]) return found;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const uint32_t* next = edges_.find(edge(node, text[i]));
      if (next == nullptr) break;
      node = *next;
      if (ends_[node] >= 0) found = {ends_[node], i + 1};
    }
    return found;
  }
  // Calls one(id, n_bytes) for everything that stands at the start of the text, shortest first.
  template <class Function>
  void each(std::string_view text, Function one) const {
    if (text.empty() || !starts_[static_cast<unsigned char>(text[0])]) return;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const uint32_t* next = edges_.find(edge(node, text[i]));
      if (next == nullptr) return;
      node = *next;
      if (ends_[node] >= 0) one(ends_[node], i + 1);
    }
  }
  // The first place at or after `from` where something could be found; text.size() when there is
  // none.
  size_t next_start(std::string_view text, size_t from) const {
    while (from < text.size() && !starts_[static_cast<unsigned char>(text[from])]) ++from;
    return from;
  }

 private:
  static uint64_t edge(uint32_t node, char byte) {
    return static_cast<uint64_t>(node) << 8 | static_cast<unsigned char>(byte);
  }
  uint32_t child(uint32_t node, char byte) {
    const auto fresh = static_cast<uint32_t>(ends_.size());
    const uint32_t next = edges_.get_or_insert(edge(node, byte), fresh);
    if (next == fresh) ends_.push_back(-1);
    return next;
  }
  FlatMap<uint32_t> edges_;
  std::vector<int32_t> ends_{-1};
  bool starts_[256] = {};
};

}  // namespace quire
