// Kind "bpe": BPE over characters with merges, as in a tokenizer.json that was made from a
// sentencepiece model. A character without a piece becomes its <0xXX> pieces, or the unknown one.
#include "text/utf8.h"
#include "text/word_encoder.h"

#include <algorithm>

namespace quire {
namespace {

class CharBpe final : public WordEncoder {
 public:
  CharBpe(const TokenizerSpec& spec, const StringIndex& pieces, MergeTable merges)
      : pieces_(pieces),
        merges_(std::move(merges)),
        unk_(spec.unk),
        fuse_unk_(spec.fuse_unk),
        ignore_merges_(spec.ignore_merges),
        prefix_(spec.subword_prefix),
        suffix_(spec.word_suffix) {
    if (spec.byte_fallback) byte_ids_ = byte_pieces(pieces);
    const auto space_leads = [](const auto& merge) {
      return spaces_only_lead(merge.first + merge.second);
    };
    cuts_at_spaces_ = !ignore_merges_ && prefix_.empty() && suffix_.empty() &&
                      pieces.find("\xE2\x96\x81") >= 0 &&
                      std::ranges::all_of(spec.merges, space_leads);
  }

  void encode(std::string_view word, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    while (!word.empty()) {
      const size_t n = cuts_at_spaces_ ? space_led_part(word) : word.size();
      encode_part(word.substr(0, n), scratch, ids);
      word.remove_prefix(n);
    }
  }

 private:
  void encode_part(std::string_view word, EncodeScratch& scratch, std::vector<int32_t>& ids) const {
    if (scratch.cache.recall(word, ids)) return;
    const size_t first = ids.size();
    const int32_t whole = ignore_merges_ ? pieces_.find(word) : -1;
    if (whole >= 0) {
      ids.push_back(whole);
    } else {
      split(word, scratch.bpe);
      bpe_merge(merges_, scratch.bpe);
      for (const Symbol& symbol : scratch.bpe.symbols) ids.push_back(symbol.id);
    }
    scratch.cache.store(word, first, ids);
  }

  // The order of unknown and byte pieces is that of the Hugging Face library: an unknown waits
  // until a character with a piece of its own comes, so that a run of them can be one.
  void split(std::string_view word, BpeScratch& bpe) const {
    bpe.symbols.clear();
    bool unk_waits = false;
    std::string decorated;
    const auto add = [&](int32_t id, size_t at) {
      bpe.symbols.push_back({id, static_cast<uint32_t>(at)});
    };
    for (size_t at = 0; at < word.size();) {
      const size_t n = std::max<size_t>(1, utf8_at(word, at).n_bytes);
      std::string_view character = word.substr(at, n);
      if ((!prefix_.empty() && at > 0) || (!suffix_.empty() && at + n == word.size())) {
        decorated.assign(at > 0 ? prefix_ : "").append(character);
        if (at + n == word.size()) decorated += suffix_;
        character = decorated;
      }
      const int32_t id = pieces_.find(character);
      if (id >= 0) {
        if (unk_waits) add(unk_, at);
        unk_waits = false;
        add(id, at);
      } else if (has_bytes(character)) {
        for (const char byte : character) add(byte_ids_[static_cast<unsigned char>(byte)], at);
      } else if (unk_ >= 0) {
        if (unk_waits && !fuse_unk_) add(unk_, at);
        unk_waits = true;
      }
      at += n;
    }
    if (unk_waits) add(unk_, word.size());
  }

  bool has_bytes(std::string_view character) const {
    return !byte_ids_.empty() && std::ranges::all_of(character, [&](char byte) {
      return byte_ids_[static_cast<unsigned char>(byte)] >= 0;
    });
  }

  const StringIndex& pieces_;
  MergeTable merges_;
  int32_t unk_;
  bool fuse_unk_, ignore_merges_, cuts_at_spaces_ = false;
  std::string prefix_, suffix_;
  std::vector<int32_t> byte_ids_;
};

}  // namespace

Result<std::unique_ptr<WordEncoder>> make_char_bpe(const TokenizerSpec& spec,
                                                   const StringIndex& pieces) {
  MergeTable merges = TRY(merge_table(spec, pieces));
  return std::make_unique<CharBpe>(spec, pieces, std::move(merges));
}

}  // namespace quire
