// Normalizers of a tokenizer.json: Unicode forms (Unicode Standard Annex 15, tables of utf8proc),
// lower case, strip, prepend, replace, those of BERT, and the tables of sentencepiece.
#pragma once
#include "base/result.h"
#include "text/charsmap.h"
#include "text/pattern.h"
#include "text/tokenizer_spec.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

class Normalizer {
 public:
  static Result<Normalizer> create(const std::vector<NormalizerSpec>& steps, std::string_view name);
  bool empty() const { return steps_.empty(); }
  // text is well-formed UTF-8; so is the result. limit when the steps blow the text up more than a
  // sound tokenizer does.
  Result<std::string> apply(std::string_view text, MatchScratch& scratch) const;

 private:
  struct Step {
    NormalizerSpec spec;
    Pattern pattern;
    Charsmap charsmap;
  };
  static Result<std::string> applied(const Step& step, std::string_view text, size_t bytes_max,
                                     MatchScratch& scratch);
  static Result<std::string> replace(const Step& step, std::string_view text, size_t bytes_max,
                                     MatchScratch& scratch);
  std::vector<Step> steps_;
};

}  // namespace quire
