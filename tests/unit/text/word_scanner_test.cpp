// Words of the hand-written matchers: against the reference (tools/make_tokenizer_goldens.py) and,
// on random text, against the same expression on PCRE2.
#include "text/word_scanner.h"

#include "base/rng.h"
#include "text/pattern.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "unit/text/support.h"

namespace quire {
namespace {

TEST(PreTokenizerNames, WordsAreThoseOfTheReference) {
  const auto texts = hard_texts();
  const auto golden = golden_json("patterns.json");
  ASSERT_GT(golden.size(), 10u);
  for (const auto& [name, cases] : golden.items()) {
    auto steps = pre_tokenizer_by_name(name, "test");
    ASSERT_TRUE(steps.has_value()) << name;
    const auto pre_tokenizer = PreTokenizer::create(*steps, name);
    ASSERT_TRUE(pre_tokenizer.has_value()) << pre_tokenizer.error().text;
    ASSERT_EQ(cases.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      if (cases[i].is_null()) continue;
      std::vector<size_t> lengths;
      PreTokenizerScratch scratch;
      auto word = [&](std::string_view one) { lengths.push_back(one.size()); };
      ASSERT_TRUE(pre_tokenizer->run(texts[i], TextPosition::first, scratch, word).has_value());
      EXPECT_EQ(lengths, cases[i].get<std::vector<size_t>>()) << name << ", text " << i;
    }
  }
}

// Characters that every edition of Unicode since 9 takes for the same, of all the kinds that
// expressions tell apart.
std::string random_text(Rng& rng) {
  static constexpr std::u32string_view kinds[] = {U"abcxyzstdmlrveABCXYZSTDMLRVE",
                                                  U"'''\u2019stmdlrevSTMDLREV\u017F\u212A",
                                                  U"0123456789",
                                                  U"     \t\n\r\u00A0\u3000\u2028\v\u0085",
                                                  U"\n\r \n\n\r\n  ",
                                                  U".,;:!?-_()[]{}/\\\"#$%&*+<=>@^`|~",
                                                  U"äßÉÑøЖжΣσςԱա",
                                                  U"ǅǈʰʲ\u02C6ª",
                                                  U"日本語漢字々〇ひらがなカタカナー",
                                                  U"한국어\u1100\u1161",
                                                  U"אבג\u05B0عربي\u064B",
                                                  U"नमस्ते\u093F\u0902ไทย\u0E34",
                                                  U"\u0301\u0300\u0489\u20DD\u0903",
                                                  U"½²Ⅷⅷↂ٣४〡",
                                                  U"€©™¨´˝∑→\u2603\U0001F600\U0001F468",
                                                  U"\u200D\u200B\uFEFF\u0000\u001F\u00AD\u0378",
                                                  U"𐐀𐐨𝔘𝟙𠀀"};
  std::string text;
  const size_t n_runs = 1 + rng.below(12);
  for (size_t run = 0; run < n_runs; ++run) {
    const std::u32string_view kind = kinds[rng.below(std::size(kinds))];
    const size_t n = 1 + rng.below(5);
    for (size_t i = 0; i < n; ++i) append_utf8(text, kind[rng.below(kind.size())]);
  }
  return text;
}

// What lies between matches is a word, too.
std::vector<size_t> words_by_pattern(const Pattern& pattern, std::string_view text,
                                     MatchScratch& scratch) {
  std::vector<size_t> ends;
  for (size_t at = 0; at < text.size();) {
    const auto found = pattern.find(text, at, scratch);
    EXPECT_TRUE(found.has_value());
    if (!found || !*found) break;
    if ((*found)->begin > at) ends.push_back((*found)->begin);
    ends.push_back((*found)->end);
    at = (*found)->end;
  }
  if (ends.empty() || ends.back() != text.size()) ends.push_back(text.size());
  return ends;
}

class Scanners : public testing::TestWithParam<std::string> {};

TEST_P(Scanners, WordsOfRandomTextAreThoseOfTheExpression) {
  const WordScanner scanner(GetParam());
  ASSERT_TRUE(scanner.found());
  const auto pattern = Pattern::compile({PatternSpec::Syntax::regex, GetParam()}, "test");
  ASSERT_TRUE(pattern.has_value()) << pattern.error().text;
  MatchScratch scratch;
  Rng rng(20261123);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(rng);
    std::vector<size_t> ends;
    for (size_t at = 0; at < text.size(); ends.push_back(at)) at = scanner.next(text, at);
    ASSERT_EQ(ends, words_by_pattern(*pattern, text, scratch)) << round << ": " << text;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , Scanners,
    testing::Values(expressions::gpt2(), expressions::llama3(R"(\p{N})"),
                    expressions::llama3(R"(\p{N}{1,3})"), expressions::llama3(R"(\p{N}+)"),
                    expressions::qwen35(), expressions::seed_coder(), expressions::bailingmoe(),
                    expressions::cased(expressions::contractions() + "?", R"(\p{N}{1,3})"),
                    expressions::cased(expressions::contractions() + "?", R"(\p{N})"),
                    expressions::cased("", R"(\p{N})"), expressions::cased("", R"(\p{N}{1,3})"),
                    expressions::deepseek3(), expressions::cjk(), R"(\p{N})", R"(\p{N}{1,3})",
                    R"(\p{N}+)"),
    [](const auto& row) { return "number_" + std::to_string(row.index); });

TEST(WordScanner, AnExpressionThatIsNotKnownIsNotFound) {
  EXPECT_FALSE(WordScanner(R"(\p{N}{1,4})").found());
  EXPECT_FALSE(WordScanner().found());
}

}  // namespace
}  // namespace quire
