// Hand-written matchers for the expressions that most published tokenizers cut words with: the same
// words as the expression gives under Oniguruma with Unicode 16, ten to twenty times faster, and in
// linear time for any text. An expression that is not known here runs on PCRE2 (pattern.h).
#pragma once
#include "text/unicode.h"

#include <string>
#include <string_view>

namespace quire {

// The pieces of the published expressions, from which their whole texts are made.
namespace expressions {
std::string gpt2();
// digits: "\p{N}", "\p{N}{1,3}" or "\p{N}+".
std::string llama3(std::string_view digits);
std::string qwen35();
std::string seed_coder();
std::string bailingmoe();
// contraction: "" or contractions() + "?".
std::string cased(std::string_view contraction, std::string_view digits);
std::string contractions();
std::string deepseek3();
std::string kimi();
std::string cjk();
}  // namespace expressions

class WordScanner {
 public:
  WordScanner() = default;
  // Nothing (found() is false) when the expression is not known.
  explicit WordScanner(std::string_view expression);
  bool found() const { return match_ != nullptr; }
  // Where the word ends that begins at `at` < text.size(): a match of the expression, or what lies
  // between two. text is well-formed UTF-8.
  size_t next(std::string_view text, size_t at) const;

 private:
  // The end of the match at `at`, or nullptr.
  using MatchAt = const char* (*)(const char* at, const char* end, const CategoryTable& table);
  MatchAt match_ = nullptr;
};

}  // namespace quire
