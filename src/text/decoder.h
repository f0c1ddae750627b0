// How ids become text again. The steps of a decoder act on every piece alone, except those behind
// `fuse`; what is left of them to the place of a piece in the text is: whether it is the first, a
// space that only comes when another piece follows, and repeated pieces. So each id's bytes are
// worked out once, and decoding is copying.
#pragma once
#include "base/result.h"
#include "text/pattern.h"
#include "text/tokenizer_spec.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class Decoder {
 public:
  // unsupported when a step behind `fuse` is more than "strip spaces at the start".
  static Result<Decoder> create(const TokenizerSpec& spec);
  // The bytes of an id in [0, n_vocab), when it is not the first of a text.
  std::string_view bytes(int32_t id) const { return at(later_, id); }
  std::string_view bytes_at_start(int32_t id) const {
    return at(start_differs_ ? first_ : later_, id);
  }
  // A space follows the piece when another piece does.
  bool ends_word(int32_t id) const {
    return !ends_word_.empty() && ends_word_[static_cast<size_t>(id)];
  }
  // A piece that comes again at once counts as one.
  bool merges_repeats() const { return merges_repeats_; }
  // Bytes come from tokens of one each (<0x0A>), not from an alphabet of bytes.
  bool has_byte_tokens() const { return has_byte_tokens_; }
  // Spaces that are taken from the front of a whole text, at most.
  int n_leading_strip() const { return n_leading_strip_; }

 private:
  struct Texts {
    std::string bytes;
    std::vector<size_t> ends{0};
  };
  struct Step {
    DecoderSpec spec;
    Pattern pattern;
  };
  static std::string_view at(const Texts& texts, int32_t id) {
    const auto i = static_cast<size_t>(id);
    return std::string_view(texts.bytes).substr(texts.ends[i], texts.ends[i + 1] - texts.ends[i]);
  }
  Result<void> read_steps(const TokenizerSpec& spec);
  Result<std::string> decoded(const TokenizerSpec& spec, size_t id, bool first,
                              MatchScratch& scratch) const;

  std::vector<Step> steps_;  // those in front of `fuse`
  Texts first_, later_;
  std::vector<bool> ends_word_;
  bool start_differs_ = false, merges_repeats_ = false, has_byte_tokens_ = false;
  int n_leading_strip_ = 0;
};

// One text, piece by piece.
class DecodeWalk {
 public:
  enum class From { start, middle };
  DecodeWalk(const Decoder& decoder, From from)
      : decoder_(&decoder),
        first_(from == From::start),
        n_strip_left_(first_ ? decoder.n_leading_strip() : 0) {}
  void append(int32_t id, std::string& out);

 private:
  const Decoder* decoder_;
  bool first_;
  int n_strip_left_;
  bool space_waits_ = false;
  int32_t previous_ = -1;
};

}  // namespace quire
