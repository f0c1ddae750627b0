// Kind "gpt2": byte-level BPE. A word begins as its bytes; pieces are written in the printable byte
// alphabet (byte_alphabet.h).
#include "text/byte_alphabet.h"
#include "text/word_encoder.h"

#include <array>

namespace quire {
namespace {

class ByteBpe final : public WordEncoder {
 public:
  ByteBpe(const TokenizerSpec& spec, const StringIndex& pieces, MergeTable merges)
      : merges_(std::move(merges)), unk_(spec.unk) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const char as_char = static_cast<char>(byte);
      byte_ids_[byte] = pieces.find(bytes_to_alphabet({&as_char, 1}));
    }
    if (!spec.ignore_merges) return;
    // Whole words are looked up by their bytes. Empty stands for what is not in the alphabet and
    // for tokens that are only added: no word is empty.
    words_.reserve(spec.pieces.size());
    for (size_t id = 0; id < spec.pieces.size(); ++id) {
      const std::string& piece = spec.pieces[id];
      const bool known = pieces.find(piece) == static_cast<int32_t>(id);
      words_.push_back(known ? alphabet_to_bytes(piece).value_or("") : "");
    }
    word_index_ = StringIndex(words_);
  }

  void encode(std::string_view word, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    if (scratch.cache.recall(word, ids)) return;
    const size_t first = ids.size();
    const int32_t whole = word_index_.find(word);
    if (whole >= 0) {
      ids.push_back(whole);
    } else {
      merge(word, scratch.bpe, ids);
    }
    scratch.cache.store(word, first, ids);
  }

 private:
  void merge(std::string_view word, BpeScratch& bpe, std::vector<int32_t>& ids) const {
    bpe.symbols.clear();
    for (size_t i = 0; i < word.size(); ++i) {
      int32_t id = byte_ids_[static_cast<unsigned char>(word[i])];
      if (id < 0) id = unk_;
      // A byte without a piece, in a vocabulary without an unknown one, leaves nothing.
      if (id >= 0) bpe.symbols.push_back({id, static_cast<uint32_t>(i)});
    }
    bpe_merge(merges_, bpe);
    for (const Symbol& symbol : bpe.symbols) ids.push_back(symbol.id);
  }

  MergeTable merges_;
  int32_t unk_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<std::string> words_;
  StringIndex word_index_;
};

}  // namespace

Result<std::unique_ptr<WordEncoder>> make_byte_bpe(const TokenizerSpec& spec,
                                                   const StringIndex& pieces) {
  MergeTable merges = TRY(merge_table(spec, pieces));
  return std::make_unique<ByteBpe>(spec, pieces, std::move(merges));
}

}  // namespace quire
