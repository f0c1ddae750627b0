// Kind "wordpiece": the longest piece that stands at the start of a word, then the longest one that
// goes on from there (pieces written with a prefix, "##"), and so on; a word that cannot be written
// so, or is too long, is unknown as a whole (Wu et al. 2016, arXiv:1609.08144; as in BERT).
// Kind "wordlevel": every word is a piece or unknown.
#include "text/prefix_matcher.h"
#include "text/word_encoder.h"

#include <algorithm>

namespace quire {
namespace {

void emit_unknown(std::string_view word, int32_t unk, EncodeScratch& scratch,
                  std::vector<int32_t>& ids) {
  if (unk >= 0) {
    ids.push_back(unk);
  } else if (scratch.unencodable.empty()) {
    scratch.unencodable = word;
  }
}

class WordPiece final : public WordEncoder {
 public:
  WordPiece(const TokenizerSpec& spec, const StringIndex& pieces)
      : unk_(spec.unk), characters_max_(static_cast<size_t>(spec.word_characters_max)) {
    const std::string& prefix = spec.subword_prefix;
    for (size_t i = spec.pieces.size(); i-- > 0;) {
      const auto id = static_cast<int32_t>(i);
      const std::string_view piece = spec.pieces[i];
      if (spec.types[i] == TokenType::unused || pieces.find(piece) != id) continue;
      first_.add(piece, id);
      if (piece.starts_with(prefix)) rest_.add(piece.substr(prefix.size()), id);
    }
  }

  void encode(std::string_view word, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    if (scratch.cache.recall(word, ids)) return;
    const size_t first = ids.size();
    if (!write(word, ids)) {
      ids.resize(first);
      emit_unknown(word, unk_, scratch, ids);
    }
    scratch.cache.store(word, first, ids);
  }

 private:
  bool write(std::string_view word, std::vector<int32_t>& ids) const {
    const auto begins_character = [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    };
    if (static_cast<size_t>(std::ranges::count_if(word, begins_character)) > characters_max_) {
      return false;
    }
    const PrefixMatcher* matcher = &first_;
    while (!word.empty()) {
      const PrefixMatcher::Found found = matcher->find(word);
      if (found.id < 0) return false;
      ids.push_back(found.id);
      word.remove_prefix(found.n_bytes);
      matcher = &rest_;
    }
    return true;
  }

  int32_t unk_;
  size_t characters_max_;
  PrefixMatcher first_, rest_;
};

class WordLevel final : public WordEncoder {
 public:
  WordLevel(const TokenizerSpec& spec, const StringIndex& pieces)
      : unk_(spec.unk), pieces_(pieces) {}
  void encode(std::string_view word, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    const int32_t id = pieces_.find(word);
    if (id >= 0) {
      ids.push_back(id);
    } else {
      emit_unknown(word, unk_, scratch, ids);
    }
  }

 private:
  int32_t unk_;
  const StringIndex& pieces_;
};

}  // namespace

Result<std::unique_ptr<WordEncoder>> make_wordpiece(const TokenizerSpec& spec,
                                                    const StringIndex& pieces) {
  return std::make_unique<WordPiece>(spec, pieces);
}

Result<std::unique_ptr<WordEncoder>> make_wordlevel(const TokenizerSpec& spec,
                                                    const StringIndex& pieces) {
  return std::make_unique<WordLevel>(spec, pieces);
}

}  // namespace quire
