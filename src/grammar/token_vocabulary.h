// TokenVocabulary: the tokens of a model as byte strings, sorted into a tree of their beginnings,
// so that what many tokens begin with is parsed once for all of them.
//
// Immutable, shared by threads. About 40 bytes per token.
#pragma once
#include "text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class TokenVocabulary {
 public:
  // The tree in the order of a walk from the root: a node's children follow it.
  struct Node {
    uint32_t first;    // of sorted(): the tokens of this node and all below begin here
    uint32_t n_own;    // tokens that end at this node
    uint32_t end;      // the node behind all below
    uint32_t n_bytes;  // from the root, this node's byte included
    uint8_t byte;
  };

  // Control tokens, unknown and unused ones are not text: only a terminal that names them can
  // match.
  static std::shared_ptr<const TokenVocabulary> create(const Tokenizer& tokenizer);
  // bytes[id]; empty for a token that is not text. names[id] of those a grammar may name.
  static std::shared_ptr<const TokenVocabulary> create(std::vector<std::string> bytes,
                                                       std::vector<std::string> names,
                                                       std::vector<int32_t> ends);

  size_t n_tokens() const { return bytes_.size(); }
  size_t n_words() const { return (bytes_.size() + 63) / 64; }  // of a set of tokens
  // What a token is in the text, empty when it is none; id in [0, n_tokens()).
  std::string_view bytes(int32_t id) const { return bytes_[static_cast<size_t>(id)]; }
  // As the vocabulary calls it; for a control token "<|im_end|>".
  std::string_view name(int32_t id) const { return names_[static_cast<size_t>(id)]; }
  // The tokens of that name, usually one or none.
  std::vector<int32_t> named(std::string_view name) const;
  const std::vector<int32_t>& ends() const { return ends_; }  // of generation

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const int32_t> sorted() const { return sorted_; }  // ids of text, by their bytes
  uint32_t bytes_max() const { return bytes_max_; }            // of the longest

 private:
  void build();
  std::vector<std::string> bytes_, names_;
  std::vector<int32_t> ends_;
  std::vector<int32_t> sorted_;
  std::vector<Node> nodes_;
  uint32_t bytes_max_ = 0;
};

}  // namespace quire
