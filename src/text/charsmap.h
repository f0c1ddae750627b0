// The table of characters to replace that sentencepiece compiles into its models
// (`precompiled_charsmap`): "nmt_nfkc" and the like. A double-array trie (Aoe 1989; the layout of
// the darts-clone library) whose leaves are offsets into a block of strings that end with a zero:
//   uint32 n_trie_bytes | n_trie_bytes of uint32 units | strings
// A unit holds, from the low end: 8 bits label, 1 bit "has a leaf", 1 bit "offset is in steps of
// 256", 22 bits offset; a leaf has its highest bit set and the value below it.
#pragma once
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class Charsmap {
 public:
  Charsmap() = default;
  // An empty table replaces nothing. bad_format when sizes do not fit together.
  static Result<Charsmap> create(std::string_view bytes, std::string_view name);

  struct Found {
    size_t n_bytes = 0;  // of the text; 0: nothing
    std::string_view replacement = {};
  };
  // The shortest or the longest entry that stands at the start of the text.
  Found shortest(std::string_view text) const { return find(text, Stop::at_first); }
  Found longest(std::string_view text) const { return find(text, Stop::at_end); }

  // As the Hugging Face library applies it: to whole grapheme clusters of up to five bytes, and to
  // the characters of what is left.
  std::string apply_to_graphemes(std::string_view text) const;
  // As sentencepiece applies it: the longest entry at every place.
  std::string apply(std::string_view text) const;

 private:
  enum class Stop { at_first, at_end };
  Found find(std::string_view text, Stop stop) const;
  std::vector<uint32_t> units_;
  std::string strings_;
};

}  // namespace quire
