// Marks that keep the control tokens a template writes apart from those that somebody typed.
//
// A message may say "<|im_end|>" without ending the turn. Before a template is rendered, such texts
// in its input get a mark after their first character: a code point that is no character (Unicode
// 15, section 23.7) and stands nowhere else in the input. Templates carry it along; afterwards it
// is taken out, and where it stood is a place that no control token may cross
// (EncodeOptions::plain_at). The same is done with the beginning of a control token at the end of a
// string, which a template might complete. Input without any such text, nearly all, is not touched.
#pragma once
#include "jinja/value.h"
#include "text/prefix_matcher.h"
#include "text/tokenizer.h"

#include <string>
#include <vector>

namespace quire {

class PlainMarks {
 public:
  explicit PlainMarks(const Tokenizer& tokenizer);

  struct Marked {
    jinja::Value value;
    std::string mark;  // empty: nothing was marked
  };
  // Every string in `value`, keys too. limit when all code points that could mark are in it.
  Result<Marked> mark(const jinja::Value& value) const;
  // Takes the marks out of a text; where they stood, rising.
  static std::vector<size_t> unmark(std::string& text, const std::string& mark);

 private:
  // Where marks belong in a text, rising.
  std::vector<size_t> places(std::string_view text) const;
  bool ends_in_beginning(std::string_view text, size_t at) const;

  PrefixMatcher control_;
  std::vector<std::string> texts_;  // of the control tokens, sorted
  size_t longest_ = 0;
};

}  // namespace quire
