// Kind "llama": the BPE of sentencepiece (Kudo & Richardson 2018, arXiv:1808.06226). Two symbols
// may merge when their joint text is a piece; the piece with the best score goes first. Spaces are
// U+2581. User-defined pieces are found first and never merge. Pieces of type `unused` may be
// steps of a merge but are taken apart again. What is left and is no piece becomes <0xXX> pieces,
// or the unknown one (one for a run).
//
// The whole text between two control tokens is one "word" here; where no piece has a space mark
// behind another character, it is cut in front of space marks, which no merge can notice.
#include "text/prefix_matcher.h"
#include "text/utf8.h"
#include "text/word_encoder.h"

#include <algorithm>
#include <climits>
#include <cmath>

namespace quire {
namespace {

// The training program allows 16 characters unless told otherwise; building the table of merges
// takes quadratic time in this.
constexpr size_t piece_bytes_max = 512;

class SentencePieceBpe final : public WordEncoder {
 public:
  SentencePieceBpe(const TokenizerSpec& spec, const StringIndex& pieces)
      : spec_(spec), pieces_(pieces), byte_ids_(byte_pieces(pieces)) {}

  Result<void> init() {
    if (spec_.scores.size() != spec_.pieces.size()) {
      return fail(Fault::bad_format, "{}: {} scores for {} pieces", spec_.name, spec_.scores.size(),
                  spec_.pieces.size());
    }
    has_bytes_ = std::ranges::all_of(byte_ids_, [](int32_t id) { return id >= 0; });
    TRY(rank_scores());
    unused_.resize(spec_.pieces.size());
    for (size_t id = 0; id < spec_.pieces.size(); ++id) {
      if (spec_.types[id] == TokenType::user_defined) {
        user_defined_.add(spec_.pieces[id], static_cast<int32_t>(id));
      }
      unused_[id] = spec_.types[id] == TokenType::unused;
      any_unused_ = any_unused_ || unused_[id];
      if (!merges(id)) continue;
      cuts_at_spaces_ = cuts_at_spaces_ && spaces_only_lead(spec_.pieces[id]);
      TRY(add_splits(static_cast<int32_t>(id)));
    }
    return {};
  }

  void encode(std::string_view text, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    std::string& stored = scratch.words.texts.emplace_back(
        SentencePieceSpaces{spec_.add_space_prefix, spec_.remove_extra_whitespaces}.apply(text));
    bool after_unknown = false;
    std::string_view rest = stored;
    size_t begin = 0;
    // Cuts out user-defined pieces, longest first at each place.
    for (size_t at = 0; !user_defined_.empty() && at < rest.size();) {
      const PrefixMatcher::Found found = user_defined_.find(rest.substr(at));
      if (found.id < 0) {
        at += std::max<size_t>(1, utf8_at(rest, at).n_bytes);
        continue;
      }
      encode_plain(rest.substr(begin, at - begin), scratch, ids, after_unknown);
      ids.push_back(found.id);
      after_unknown = false;
      at += found.n_bytes;
      begin = at;
    }
    encode_plain(rest.substr(begin), scratch, ids, after_unknown);
  }

 private:
  bool merges(size_t id) const {
    const TokenType type = spec_.types[id];
    return (type == TokenType::normal || type == TokenType::user_defined ||
            type == TokenType::unused) &&
           !spec_.pieces[id].empty();
  }

  // Scores as ranks: equal scores get equal ranks, so that among them the leftmost goes first.
  Result<void> rank_scores() {
    std::vector<float> sorted = spec_.scores;
    for (const float score : sorted) {
      if (std::isnan(score)) {
        return fail(Fault::bad_format, "{}: a score is not a number", spec_.name);
      }
    }
    std::ranges::sort(sorted, std::greater<>());
    const auto repeated = std::ranges::unique(sorted);
    sorted.erase(repeated.begin(), repeated.end());
    for (const float score : spec_.scores) {
      const auto place = std::ranges::lower_bound(sorted, score, std::greater<>());
      ranks_.push_back(static_cast<uint32_t>(place - sorted.begin()));
    }
    return {};
  }

  // Every way to make the piece out of two symbols.
  Result<void> add_splits(int32_t id) {
    const std::string_view piece = spec_.pieces[static_cast<size_t>(id)];
    if (pieces_.find(piece) != id) return {};  // a repetition of another piece
    if (piece.size() > piece_bytes_max) {
      if (spec_.types[static_cast<size_t>(id)] != TokenType::normal) return {};
      return fail(Fault::limit, "{}: piece {} has {} bytes, at most {} are supported", spec_.name,
                  id, piece.size(), piece_bytes_max);
    }
    for (size_t at = 0; at < piece.size();) {
      at += std::max<size_t>(1, utf8_at(piece, at).n_bytes);
      if (at >= piece.size()) break;
      const int32_t left = part_symbol(piece.substr(0, at));
      const int32_t right = part_symbol(piece.substr(at));
      if (left == no_symbol || right == no_symbol) continue;
      table_.set(left, right, {ranks_[static_cast<size_t>(id)], id});
    }
    return {};
  }

  static constexpr int32_t no_symbol = INT32_MIN;

  // The id of a piece that can be part of a merge, or the stand-in of a single character that is no
  // piece itself: ids from n_vocab on.
  int32_t part_symbol(std::string_view text) {
    const int32_t id = pieces_.find(text);
    if (id >= 0 && merges(static_cast<size_t>(id))) return id;
    if (!is_character(text)) return no_symbol;
    const auto next = static_cast<int32_t>(spec_.pieces.size() + stand_ins_.size());
    return stand_ins_.get_or_insert(character_key(text), next);
  }
  static bool is_character(std::string_view text) {
    return std::max<size_t>(1, utf8_at(text, 0).n_bytes) == text.size();
  }
  static uint64_t character_key(std::string_view character) {
    uint64_t key = character.size();
    for (const char byte : character) key = key << 8 | static_cast<unsigned char>(byte);
    return key;
  }
  // The symbol a character begins as; -1: nothing merges with it and it is no piece.
  int32_t character_symbol(std::string_view character) const {
    const int32_t id = pieces_.find(character);
    if (id >= 0 && merges(static_cast<size_t>(id))) return id;
    const int32_t* stand_in = stand_ins_.find(character_key(character));
    return stand_in == nullptr ? -1 : *stand_in;
  }

  void encode_plain(std::string_view text, EncodeScratch& scratch, std::vector<int32_t>& ids,
                    bool& after_unknown) const {
    while (!text.empty()) {
      const size_t n = cuts_at_spaces_ ? space_led_part(text) : text.size();
      const std::string_view part = text.substr(0, n);
      text.remove_prefix(n);
      // Without byte pieces unknowns join over the cut, so parts are not independent.
      if (has_bytes_ && scratch.cache.recall(part, ids)) continue;
      const size_t first = ids.size();
      merge_part(part, scratch.bpe);
      emit(part, scratch.bpe, ids, after_unknown);
      if (has_bytes_) scratch.cache.store(part, first, ids);
    }
  }

  void merge_part(std::string_view part, BpeScratch& bpe) const {
    bpe.symbols.clear();
    bpe.seen.clear();
    for (size_t at = 0; at < part.size();) {
      const size_t n = std::max<size_t>(1, utf8_at(part, at).n_bytes);
      bpe.symbols.push_back({character_symbol(part.substr(at, n)), static_cast<uint32_t>(at)});
      at += n;
    }
    bpe_merge(table_, bpe, any_unused_ ? &unused_ : nullptr);
  }

  void emit(std::string_view part, const BpeScratch& bpe, std::vector<int32_t>& ids,
            bool& after_unknown) const {
    for (size_t i = 0; i < bpe.symbols.size(); ++i) {
      const size_t begin = bpe.symbols[i].begin;
      const size_t end = i + 1 < bpe.symbols.size() ? bpe.symbols[i + 1].begin : part.size();
      emit_symbol(bpe.symbols[i].id, part.substr(begin, end - begin), bpe, ids, after_unknown);
    }
  }

  void emit_symbol(int32_t symbol, std::string_view text, const BpeScratch& bpe,
                   std::vector<int32_t>& ids, bool& after_unknown) const {
    std::vector<std::pair<int32_t, std::string_view>> open{{symbol, text}};
    while (!open.empty()) {
      const auto [id, part] = open.back();
      open.pop_back();
      const bool is_piece = id >= 0 && static_cast<size_t>(id) < spec_.pieces.size();
      if (is_piece && unused_[static_cast<size_t>(id)]) {
        // The last way seen counts, as in sentencepiece.
        const auto seen =
            std::ranges::find(bpe.seen.rbegin(), bpe.seen.rend(), id, &BpeScratch::Seen::id);
        if (seen != bpe.seen.rend() && !is_character(part)) {
          const size_t n_left = symbol_bytes(seen->left, part);
          open.emplace_back(seen->right, part.substr(n_left));
          open.emplace_back(seen->left, part.substr(0, n_left));
          continue;
        }
      }
      if (is_piece) {
        ids.push_back(id);
        after_unknown = false;
      } else {
        emit_unknown(part, ids, after_unknown);
      }
    }
  }
  // Of a symbol at the start of text.
  size_t symbol_bytes(int32_t id, std::string_view text) const {
    if (id >= 0 && static_cast<size_t>(id) < spec_.pieces.size()) {
      return spec_.pieces[static_cast<size_t>(id)].size();
    }
    return std::max<size_t>(1, utf8_at(text, 0).n_bytes);
  }
  void emit_unknown(std::string_view character, std::vector<int32_t>& ids,
                    bool& after_unknown) const {
    if (has_bytes_) {
      for (const char byte : character) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
    } else if (spec_.unk >= 0) {
      if (!after_unknown) ids.push_back(spec_.unk);
      after_unknown = true;
    }
  }

  const TokenizerSpec& spec_;
  const StringIndex& pieces_;
  std::vector<int32_t> byte_ids_;
  bool has_bytes_ = false, cuts_at_spaces_ = true, any_unused_ = false;
  std::vector<uint32_t> ranks_;
  std::vector<bool> unused_;
  FlatMap<int32_t> stand_ins_;
  MergeTable table_;
  PrefixMatcher user_defined_;
};

}  // namespace

Result<std::unique_ptr<WordEncoder>> make_sentencepiece_bpe(const TokenizerSpec& spec,
                                                            const StringIndex& pieces) {
  auto encoder = std::make_unique<SentencePieceBpe>(spec, pieces);
  TRY(encoder->init());
  return encoder;
}

}  // namespace quire
