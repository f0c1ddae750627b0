#include "grammar/token_vocabulary.h"

#include "base/check.h"

#include <algorithm>

namespace quire {

std::shared_ptr<const TokenVocabulary> TokenVocabulary::create(const Tokenizer& tokenizer) {
  const auto n = static_cast<size_t>(tokenizer.n_vocab());
  std::vector<std::string> bytes(n), names(n);
  for (size_t i = 0; i < n; ++i) {
    const auto id = static_cast<int32_t>(i);
    names[i] = tokenizer.piece(id);
    const TokenType type = tokenizer.type(id);
    if (type == TokenType::normal || type == TokenType::byte || type == TokenType::user_defined)
      if (!tokenizer.is_special(id) && !tokenizer.is_end_of_generation(id)) bytes[i] = names[i];
  }
  return create(std::move(bytes), std::move(names), tokenizer.end_of_generation());
}

std::shared_ptr<const TokenVocabulary> TokenVocabulary::create(std::vector<std::string> bytes,
                                                               std::vector<std::string> names,
                                                               std::vector<int32_t> ends) {
  CHECK(names.size() == bytes.size());
  auto vocabulary = std::make_shared<TokenVocabulary>();
  vocabulary->bytes_ = std::move(bytes);
  vocabulary->names_ = std::move(names);
  vocabulary->ends_ = std::move(ends);
  vocabulary->build();
  return vocabulary;
}

void TokenVocabulary::build() {
  for (size_t i = 0; i < bytes_.size(); ++i) {
    if (!bytes_[i].empty()) sorted_.push_back(static_cast<int32_t>(i));
    bytes_max_ = std::max(bytes_max_, static_cast<uint32_t>(bytes_[i].size()));
  }
  std::sort(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) {
    const int order = bytes(a).compare(bytes(b));
    return order != 0 ? order < 0 : a < b;
  });
  std::vector<uint32_t> open;  // the nodes of the last token's bytes
  const auto close_to = [&](size_t n) {
    for (; open.size() > n; open.pop_back())
      nodes_[open.back()].end = static_cast<uint32_t>(nodes_.size());
  };
  std::string_view last;
  for (size_t i = 0; i < sorted_.size(); ++i) {
    const std::string_view text = bytes(sorted_[i]);
    const auto common = std::mismatch(last.begin(), last.end(), text.begin(), text.end());
    close_to(static_cast<size_t>(common.first - last.begin()));
    for (size_t at = open.size(); at < text.size(); ++at) {
      open.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.first = static_cast<uint32_t>(i),
                        .n_own = 0,
                        .end = 0,
                        .n_bytes = static_cast<uint32_t>(at + 1),
                        .byte = static_cast<uint8_t>(text[at])});
    }
    ++nodes_[open.back()].n_own;
    last = text;
  }
  close_to(0);
}

std::vector<int32_t> TokenVocabulary::named(std::string_view name) const {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) ids.push_back(static_cast<int32_t>(i));
  return ids;
}

}  // namespace quire
