#include "text/word_counter.h"

namespace quire {

void WordCounter::add(std::string_view text, uint64_t count) {
  const uint64_t hash = hash_bytes(text);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & (slots_.size() - 1);
  for (; slots_[i] != no_word; i = (i + 1) & (slots_.size() - 1)) {
    Word& known = words_[slots_[i]];
    if (known.tag == tag && word(slots_[i]) == text) {
      known.count += count;
      return;
    }
  }
  slots_[i] = static_cast<uint32_t>(words_.size());
  words_.push_back({bytes_.size(), count, static_cast<uint32_t>(text.size()), tag});
  bytes_ += text;
  if (words_.size() * 2 > slots_.size()) grow();
}

void WordCounter::grow() {
  slots_.assign(slots_.size() * 2, no_word);
  for (uint32_t w = 0; w < words_.size(); ++w) {
    size_t i = hash_bytes(word(w)) & (slots_.size() - 1);
    while (slots_[i] != no_word) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = w;
  }
}

}  // namespace quire
