// Kind "unigram": of all ways to write a word as pieces the one whose log-probabilities have the
// largest sum (Kudo 2018, arXiv:1804.10959), found by Viterbi's algorithm over the characters. A
// character that is no piece itself is unknown, 10 less likely than the least likely piece.
//
// Sums are doubles and the first of equal ones is kept, as in the Hugging Face library. Where no
// piece has a space mark behind another character, words are cut in front of space marks, over
// which no piece can reach.
#include "text/prefix_matcher.h"
#include "text/utf8.h"
#include "text/word_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quire {
namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81";
constexpr double unknown_penalty = 10;
// The time is quadratic in this at worst; the training program allows 16 characters.
constexpr size_t piece_bytes_max = 512;

class Unigram final : public WordEncoder {
 public:
  Unigram(const TokenizerSpec& spec, const StringIndex& pieces)
      : spec_(spec), pieces_(pieces), byte_ids_(byte_pieces(pieces)) {}

  Result<void> init() {
    if (n_model() == 0 || n_model() > spec_.pieces.size()) {
      return fail(Fault::bad_format, "{}: {} scores for {} pieces", spec_.name,
                  spec_.log_probabilities.size(), spec_.pieces.size());
    }
    has_bytes_ =
        spec_.byte_fallback && std::ranges::all_of(byte_ids_, [](int32_t id) { return id >= 0; });
    double least = std::numeric_limits<double>::infinity();
    bool spaces_lead = true;
    for (size_t id = 0; id < spec_.pieces.size(); ++id) {
      if (!is_candidate(id)) continue;
      const double score = spec_.log_probabilities[id];
      if (!std::isfinite(score)) {
        return fail(Fault::bad_format, "{}: the score of piece {} is not a number", spec_.name, id);
      }
      if (spec_.pieces[id].size() > piece_bytes_max) {
        return fail(Fault::limit, "{}: piece {} has {} bytes, at most {} are supported", spec_.name,
                    id, spec_.pieces[id].size(), piece_bytes_max);
      }
      least = std::min(least, score);
      spaces_lead = spaces_lead && spaces_only_lead(spec_.pieces[id]);
      matcher_.add(spec_.pieces[id], static_cast<int32_t>(id));
    }
    unknown_score_ = (std::isfinite(least) ? least : 0) - unknown_penalty;
    // The mark itself is a piece, so that no unknown reaches over it.
    const int32_t mark = pieces_.find(space_mark);
    cuts_at_spaces_ = spaces_lead && mark >= 0 && is_candidate(static_cast<size_t>(mark));
    return {};
  }

  void encode(std::string_view word, EncodeScratch& scratch,
              std::vector<int32_t>& ids) const override {
    while (!word.empty()) {
      const size_t n = cuts_at_spaces_ ? space_led_part(word) : word.size();
      const std::string_view part = word.substr(0, n);
      word.remove_prefix(n);
      if (scratch.cache.recall(part, ids)) continue;
      const size_t first = ids.size();
      search(part, scratch.lattice);
      emit(part, scratch, ids);
      scratch.cache.store(part, first, ids);
    }
  }

 private:
  bool is_candidate(size_t id) const {
    const TokenType type = spec_.types[id];
    if (spec_.pieces[id].empty() || id >= n_model()) return false;
    if (spec_.any_piece) return true;
    return type == TokenType::normal || type == TokenType::user_defined ||
           type == TokenType::unused;
  }
  // Tokens behind the model's own pieces have no score.
  size_t n_model() const { return spec_.log_probabilities.size(); }

  void search(std::string_view text, std::vector<LatticeNode>& nodes) const {
    nodes.assign(text.size() + 1, LatticeNode());
    nodes[0].score = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t n_character = std::max<size_t>(1, utf8_at(text, at).n_bytes);
      const double here = nodes[at].score;
      const auto offer = [&](size_t n_bytes, int32_t id, double score) {
        LatticeNode& node = nodes[at + n_bytes];
        if (node.n_bytes != 0 && here + score <= node.score) return;
        node = {here + score, id, static_cast<uint32_t>(n_bytes)};
      };
      bool has_character = false;
      matcher_.each(text.substr(at), [&](int32_t id, size_t n_bytes) {
        offer(n_bytes, id, spec_.log_probabilities[static_cast<size_t>(id)]);
        has_character = has_character || n_bytes == n_character;
      });
      if (!has_character) offer(n_character, unknown, unknown_score_);
      at += n_character;
    }
  }

  void emit(std::string_view text, EncodeScratch& scratch, std::vector<int32_t>& ids) const {
    std::vector<LatticeNode>& nodes = scratch.lattice;
    // From the end to the start; each node then learns where its piece ends, so that the second
    // walk goes forward.
    for (size_t end = text.size(), next = end; end > 0;) {
      LatticeNode& node = nodes[end];
      const size_t begin = end - node.n_bytes;
      node.next = static_cast<uint32_t>(next);
      next = end;
      end = begin;
      if (end == 0) nodes[0].next = static_cast<uint32_t>(next);
    }
    for (size_t begin = 0; begin < text.size();) {
      size_t end = nodes[begin].next;
      const int32_t id = nodes[end].id;
      if (id != unknown) {
        ids.push_back(id);
      } else {
        // A run of unknown characters is one.
        while (spec_.fuse_unk && end < text.size() && nodes[nodes[end].next].id == unknown) {
          end = nodes[end].next;
        }
        emit_unknown(text.substr(begin, end - begin), scratch, ids);
      }
      begin = end;
    }
  }

  void emit_unknown(std::string_view text, EncodeScratch& scratch,
                    std::vector<int32_t>& ids) const {
    if (has_bytes_) {
      for (const char byte : text) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
    } else if (spec_.unk >= 0) {
      ids.push_back(spec_.unk);
    } else if (scratch.unencodable.empty()) {
      scratch.unencodable = text;
    }
  }

  static constexpr int32_t unknown = -1;
  const TokenizerSpec& spec_;
  const StringIndex& pieces_;
  std::vector<int32_t> byte_ids_;
  bool has_bytes_ = false, cuts_at_spaces_ = false;
  double unknown_score_ = 0;
  PrefixMatcher matcher_;
};

}  // namespace

Result<std::unique_ptr<WordEncoder>> make_unigram(const TokenizerSpec& spec,
                                                  const StringIndex& pieces) {
  auto encoder = std::make_unique<Unigram>(spec, pieces);
  TRY(encoder->init());
  return encoder;
}

}  // namespace quire
