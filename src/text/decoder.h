// How ids become text again. The steps of a decoder act on every piece alone, except those behind
// `fuse`; so each id's bytes are worked out once, and decoding is copying.
#pragma once
#include "base/result.h"
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
  // The bytes of an id in [0, n_vocab).
  std::string_view bytes(int32_t id) const {
    const auto i = static_cast<size_t>(id);
    return std::string_view(bytes_).substr(ends_[i], ends_[i + 1] - ends_[i]);
  }
  // Spaces that are taken from the front of a whole text, at most.
  int n_leading_strip() const { return n_leading_strip_; }

 private:
  std::string bytes_;
  std::vector<size_t> ends_{0};
  int n_leading_strip_ = 0;
};

}  // namespace quire
