// Pre-tokenizers: cut a text into words that no merge crosses, step after step. What a step cuts,
// the next one cuts further. The rules for what becomes of a match (kept apart, dropped, joined to
// a neighbour) are those of the Hugging Face `tokenizers` library.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "text/pattern.h"
#include "text/tokenizer_spec.h"
#include "text/word_scanner.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct PreTokenizerScratch {
  MatchScratch match;
  // Words whose text is not in the input (a space became another character) live here until the end
  // of the call.
  std::deque<std::string> texts;
};

// Where a text stands in what was given to encode.
enum class TextPosition {
  first,        // at its very start
  after_token,  // behind a special token
  continued,    // behind bytes that are not UTF-8
};

class PreTokenizer {
 public:
  static Result<PreTokenizer> create(const std::vector<PreTokenizerSpec>& steps,
                                     std::string_view name);
  // Calls word(text) for every word in order. text is well-formed UTF-8; the words live as long as
  // text and scratch.
  Result<void> run(std::string_view text, TextPosition position, PreTokenizerScratch& scratch,
                   FunctionRef<void(std::string_view)> word) const;

 private:
  struct Step {
    PreTokenizerSpec spec;
    Pattern pattern;
    WordScanner scanner;  // instead of the pattern, where there is one
  };
  struct Run {
    TextPosition position;
    PreTokenizerScratch& scratch;
    FunctionRef<void(std::string_view)> word;
  };
  // Hands a piece to step number `step`, or out as a word behind the last one.
  Result<void> pass(size_t step, std::string_view piece, Run& run) const;
  Result<void> split_pattern(size_t step, const Pattern& pattern, SplitBehavior behavior,
                             std::string_view piece, Run& run) const;
  Result<void> split_characters(size_t step, SplitBehavior behavior, bool (*matches)(char32_t),
                                std::string_view piece, Run& run) const;
  Result<void> scan_words(size_t step, std::string_view piece, Run& run) const;
  Result<void> split_word_runs(size_t step, std::string_view piece, Run& run) const;
  Result<void> split_scripts(size_t step, std::string_view piece, Run& run) const;
  Result<void> metaspace(size_t step, std::string_view piece, Run& run) const;
  Result<void> prefix_space(size_t step, std::string_view piece, Run& run) const;

  std::vector<Step> steps_;
};

// The steps for a value of tokenizer.ggml.pre; unsupported names the value and those that are
// known.
Result<std::vector<PreTokenizerSpec>> pre_tokenizer_by_name(std::string_view pre,
                                                            std::string_view name);
// The name of pre_tokenizers.inc whose steps these are and with which readers of GGUF look up whole
// words as spec.ignore_merges says; empty when there is none.
std::string pre_tokenizer_name(const TokenizerSpec& spec);
// All names with which readers of GGUF look up whole words, or do not, as ignore_merges says; of
// several with one expression the first.
std::vector<std::string> pre_tokenizer_names(bool ignore_merges);
// What GGUF readers take for granted with a name.
enum class PreDefault { add_bos, ignore_merges };
bool pre_tokenizer_has(std::string_view pre, PreDefault what);

}  // namespace quire
