// What turns a word into ids: one per kind of tokenizer (tokenizer_kinds.inc, a file each).
#pragma once
#include "base/result.h"
#include "text/bpe.h"
#include "text/flat_map.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_spec.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace quire {

// Remembers what the words of one call became: most words of a long text come again. Holds no
// copies, so the words must live as long as the call; a fixed number of slots, newer words drive
// out older ones.
class WordCache {
 public:
  // For a text of n bytes; none at all for a short one.
  void reset(size_t n_bytes);
  // Appends the ids of the word to ids and is true when it has met the word before.
  bool recall(std::string_view word, std::vector<int32_t>& ids);
  // After recall() said no: the word became ids[first, end).
  void store(std::string_view word, size_t first, const std::vector<int32_t>& ids);

 private:
  struct Slot {
    const char* text = nullptr;
    uint32_t n_bytes = 0, n_ids = 0;
    uint32_t first = 0;
  };
  Slot& slot_of(std::string_view word);
  std::vector<Slot> slots_;
  Slot* last_ = nullptr;
};

// The best way to write a text up to one of its bytes.
struct LatticeNode {
  double score = 0;
  int32_t id = -1;       // of its last piece, -1 for an unknown character
  uint32_t n_bytes = 0;  // of that piece; 0: there is no way yet
  uint32_t next = 0;     // where the piece behind it ends
};

// All that one call of encode needs while it runs.
struct EncodeScratch {
  PreTokenizerScratch words;
  BpeScratch bpe;
  WordCache cache;
  std::vector<LatticeNode> lattice;
  // The first text for which there is neither a piece nor an unknown one; empty when all went well.
  std::string unencodable;
};

class WordEncoder {
 public:
  virtual ~WordEncoder();
  // Appends the ids of one word, of any bytes. The word lives as long as the scratch.
  virtual void encode(std::string_view word, EncodeScratch& scratch,
                      std::vector<int32_t>& ids) const = 0;
};

// How a kind is made. What it keeps of spec and pieces (which index spec.pieces) outlives it.
using MakeWordEncoder = Result<std::unique_ptr<WordEncoder>> (*)(const TokenizerSpec& spec,
                                                                 const StringIndex& pieces);

// nullptr when there is no such kind.
MakeWordEncoder word_encoder_of(std::string_view kind);

// The kinds.
Result<std::unique_ptr<WordEncoder>> make_byte_bpe(const TokenizerSpec& spec,
                                                   const StringIndex& pieces);
Result<std::unique_ptr<WordEncoder>> make_char_bpe(const TokenizerSpec& spec,
                                                   const StringIndex& pieces);
Result<std::unique_ptr<WordEncoder>> make_sentencepiece_bpe(const TokenizerSpec& spec,
                                                            const StringIndex& pieces);
Result<std::unique_ptr<WordEncoder>> make_unigram(const TokenizerSpec& spec,
                                                  const StringIndex& pieces);
Result<std::unique_ptr<WordEncoder>> make_wordpiece(const TokenizerSpec& spec,
                                                    const StringIndex& pieces);
Result<std::unique_ptr<WordEncoder>> make_wordlevel(const TokenizerSpec& spec,
                                                    const StringIndex& pieces);

// Shared by the kinds.
// spec.merges as ids; bad_format when one names a piece that does not exist.
Result<MergeTable> merge_table(const TokenizerSpec& spec, const StringIndex& pieces);
// Ids of <0x00> ... <0xFF>, -1 for those that are missing.
std::vector<int32_t> byte_pieces(const StringIndex& pieces);
// Text as the normalizer of sentencepiece leaves its spaces: each becomes a U+2581, with one in
// front of the text, and with those at both ends gone and runs of them one, as asked.
struct SentencePieceSpaces {
  bool add_prefix = false, remove_extra = false;
  std::string apply(std::string_view text) const;
};
// Where a text may be cut without any merge noticing: in front of a run of U+2581, when no piece
// has one behind another character.
bool spaces_only_lead(std::string_view piece);
// Bytes of the first such part of text.
size_t space_led_part(std::string_view text);

}  // namespace quire
