#include "text/pre_tokenizer_match.h"

#include "base/rng.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"

#include <array>
#include <string_view>
#include <vector>

namespace quire {
namespace {

// What expressions tell apart, each as often as the others.
constexpr std::array<std::u32string_view, 40> kinds = {
    U"abcdefghijklmnopqrstuvwxyz",
    U"stmdlrve",
    U"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    U"0123456789",
    U" ",
    U" ",
    U"\n",
    U"\r\n",
    U"\t",
    U"\u00A0\u2003\u3000\u2028\u0085\u000B\u000C",
    U".,;:!?",
    U"'",
    U"\u2019",
    U"\"()[]{}<>",
    U"-_/\\|@#&*%",
    U"$+<=>^~`",
    U"\u20AC\u00A3\u2211\u2190\u00A9",
    U"\u2026\u3001\u3002\u060C\u061B\u0964\u06D4",
    U"\uFF01\uFF1F\uFF5E\u2018\u00BF\u00A1",
    U"\u00E4\u00F6\u00FC\u00DF\u00E9\u00F1",
    U"\u00C4\u00D6\u00C9\u0130",
    U"\u0301\u0308\u0323",
    U"\u0430\u0431\u0432\u0433",
    U"\u0410\u0411\u0412",
    U"\u03B1\u03B2\u03C3\u03A3",
    U"\u4E00\u4E2D\u9FA5\u3400",
    U"\u3042\u3044\u30AB\u30BF\u30FC",
    U"\uAC00\uD55C\u1100\u1161",
    U"\u0E01\u0E32\u0E34\u0E49",
    U"\u0915\u094D\u0937\u093F",
    U"\u0627\u0628\u064E\u0651",
    U"\u0663\u0664\u0966\u0967",
    U"\u00B2\u00BD\u2167\u3007\u2460",
    U"\u02B0\u02BC\u01C5\u00AA",
    U"\u200B\u200D\uFEFF\u00AD",
    U"\u0001\u001B\u007F",
    U"\U0001F600\U0001F44D\U0001F3FD\u2764\uFE0F",
    U"\uE000\u0378\uFFFD",
    U"\u2581\u0120",
    U"\u017F\u212A\u1E9E"};
constexpr std::array<std::string_view, 12> wholes = {
    "'s",    "'LL",        "'re",  "'Ve",  "\u2019s", "'\u017F",
    "12345", "1234567890", "    ", "\n\n", " \n ",    "function(x) {"};

// Runs of one kind, as words are.
std::string probe_text(Rng& rng) {
  std::string text;
  for (uint64_t n = 1 + rng.below(12); n > 0; --n) {
    if (rng.below(8) == 0) {
      text += wholes[rng.below(wholes.size())];
      continue;
    }
    const std::u32string_view kind = kinds[rng.below(kinds.size())];
    for (uint64_t k = 1 + rng.below(1 + rng.below(6)); k > 0; --k)
      append_utf8(text, kind[rng.below(kind.size())]);
  }
  return text;
}

using Words = std::vector<std::string>;

Result<Words> words_of(const PreTokenizer& cutter, std::string_view text) {
  Words words;
  PreTokenizerScratch scratch;
  TRY(cutter.run(text, TextPosition::first, scratch,
                 [&](std::string_view word) { words.emplace_back(word); }));
  return words;
}

}  // namespace

Result<std::string> matching_pre_tokenizer(const TokenizerSpec& spec) {
  std::vector<PreTokenizerSpec> steps = spec.pre_tokenizers;
  if (!steps.empty() && steps[0].kind == PreTokenizerSpec::Kind::prefix_space)
    steps.erase(steps.begin());
  const auto own = PreTokenizer::create(steps, spec.name);
  if (!own) return std::string();
  Rng rng(1);
  std::vector<std::string> texts;
  std::vector<Words> wanted;
  for (int i = 0; i < n_probe_texts; ++i) {
    texts.push_back(probe_text(rng));
    wanted.push_back(TRY(words_of(*own, texts.back())));
  }
  for (const std::string& name : pre_tokenizer_names(spec.ignore_merges)) {
    const auto named = TRY(pre_tokenizer_by_name(name, spec.name));
    const PreTokenizer other = TRY(PreTokenizer::create(named, spec.name));
    size_t i = 0;
    while (i < texts.size()) {
      const auto words = words_of(other, texts[i]);
      if (!words || *words != wanted[i]) break;
      ++i;
    }
    if (i == texts.size()) return name;
  }
  return std::string();
}

}  // namespace quire
