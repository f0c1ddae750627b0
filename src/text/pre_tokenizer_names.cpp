// The patterns behind the names of tokenizer.ggml.pre, as the models' own tokenizer files state
// them. Each row of a pattern cuts what the row before it left, and every match stands alone.
#include "text/pre_tokenizer.h"

#include "format/printable.h"
#include "text/word_scanner.h"

#include <algorithm>
#include <span>

namespace quire {
namespace {

enum : unsigned { add_bos = 1, ignore_merges = 2 };

using Rows = std::vector<std::string>;

// Letters of scripts with two cases.
const char* const deepseek_cased_row =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅ"
    "Ὀ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-"
    "ⅉⅎↃↄⰀ-ⱻⱾ-ⳤ"
    "Ⳬ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";

namespace patterns {

constexpr const char* digit = R"(\p{N})";
constexpr const char* up_to_three_digits = R"(\p{N}{1,3})";
constexpr const char* digits = R"(\p{N}+)";

Rows gpt2() { return {expressions::gpt2()}; }
Rows punctuation_first() {
  return {R"([\p{P}\$\+<=>\^~\|]+)", expressions::gpt2(), digits, "[0-9][0-9][0-9]"};
}
Rows llama3() { return {expressions::llama3(up_to_three_digits)}; }
Rows minicpm5() { return {up_to_three_digits, expressions::llama3(digits)}; }
Rows jais2() {
  return {expressions::contractions() +
          R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|)"
          R"(\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|)"
          R"(\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"};
}
Rows qwen2() { return {expressions::llama3(digit)}; }
Rows qwen35() { return {expressions::qwen35()}; }
Rows laguna() { return {R"([^\n]+|[\n]+)", expressions::llama3(digit)}; }
// As qwen2, but apostrophes stay with what follows them.
Rows ufakzeka() {
  return {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
}
Rows o200k() { return {expressions::cased(expressions::contractions() + "?", up_to_three_digits)}; }
Rows tekken() { return {expressions::cased("", digit)}; }
Rows tiny_aya() {
  return {R"(\d{1,3}(?=(?:\d{3})*\b))",
          expressions::cased(expressions::contractions() + "?", up_to_three_digits)};
}
Rows youtu() {
  return {
      "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-"
      "ゟ゠-"
      "ヿ]"
      "+",
      expressions::cased(expressions::contractions() + "?", digit)};
}
Rows kimi() { return {expressions::kimi()}; }
Rows superbpe() { return {digits, R"((?=(\d{3})+(?!\d)))"}; }
Rows chameleon() {
  return {"<sentinel:[0-9]+>",       "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
          "([\\t\\n]|    |  )",      digit,
          R"([\p{P}!-/:-@\[-`{-~])", expressions::gpt2()};
}
Rows exaone_moe() {
  return {expressions::contractions() +
          R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}|)"
          R"( ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"};
}
Rows deepseek_llm() {
  return {"[\r\n]",  deepseek_cased_row,      R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
          R"(\s+$)", "[一-龥ࠀ-一가-\uD7FF]+", digits};
}
Rows deepseek_coder() {
  return {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-\uD7FF]+", digit};
}
Rows deepseek3() { return {up_to_three_digits, expressions::cjk(), expressions::deepseek3()}; }
Rows spark() {
  return {up_to_three_digits, expressions::cjk(),
          R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
          R"( ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)",
          digit};
}
// Digits in threes, counted from the right.
Rows afmoe() {
  return {
      R"(\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))",
      "[一-鿿㐀-䶿豈-\uFAFF぀-ゟ゠-ヿ･-ﾟ⼀-⿟\u0E00-\u0E7F\u0E80-\u0EFF\u1780-\u17FF"
      "\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF가-\uD7AF\u1100-\u11FF]+",
      expressions::deepseek3()};
}
Rows falcon() { return {R"([\p{P}\$\+<=>\^~\|`]+)", expressions::gpt2(), "[0-9][0-9][0-9]"}; }
Rows starcoder() { return {digit, expressions::gpt2()}; }
Rows bloom() { return {R"( ?[^(\s|.,!?…。，、।۔،)]+)"}; }
Rows viking() { return {R"( ?[^(\s|.,!?…。，、।۔،)]+)", digit}; }
Rows bailingmoe() { return {expressions::bailingmoe()}; }
Rows seed_coder() { return {expressions::seed_coder()}; }

}  // namespace patterns

struct Named {
  const char* name;
  Rows (*rows)();
  unsigned defaults;
};
constexpr Named named[] = {
#define PRE_TOKENIZER(name, pattern, defaults) {name, patterns::pattern, defaults},
#include "text/pre_tokenizers.inc"
#undef PRE_TOKENIZER
};

const Named* find(std::string_view name) {
  const auto* row = std::ranges::find(named, name, &Named::name);
  return row == std::end(named) ? nullptr : row;
}

bool is_row(const PreTokenizerSpec& step, const std::string& row) {
  if (step.kind == PreTokenizerSpec::Kind::digits)  // one by one, or runs of them
    return row == (step.behavior == SplitBehavior::isolated ? patterns::digit : patterns::digits);
  return step.kind == PreTokenizerSpec::Kind::split &&
         step.pattern.syntax == PatternSpec::Syntax::regex && step.pattern.text == row &&
         step.behavior == SplitBehavior::isolated && !step.invert;
}

}  // namespace

Result<std::vector<PreTokenizerSpec>> pre_tokenizer_by_name(std::string_view pre,
                                                            std::string_view name) {
  const Named* row = find(pre);
  if (row == nullptr) {
    std::string known;
    for (const Named& other : named) known.append(known.empty() ? "" : ", ").append(other.name);
    return fail(Fault::unsupported,
                "{}: pre-tokenizer '{}' is unknown, so its ids could be wrong; use the model's "
                "tokenizer.json, or name one that cuts the same words: {}",
                name, printable(pre), known);
  }
  std::vector<PreTokenizerSpec> steps;
  for (std::string& text : row->rows()) {
    PreTokenizerSpec step{.kind = PreTokenizerSpec::Kind::split};
    step.pattern = {PatternSpec::Syntax::regex, std::move(text)};
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string pre_tokenizer_name(const TokenizerSpec& spec) {
  std::span<const PreTokenizerSpec> steps = spec.pre_tokenizers;
  // A space in front of the text has a key of its own.
  if (!steps.empty() && steps[0].kind == PreTokenizerSpec::Kind::prefix_space)
    steps = steps.subspan(1);
  for (const Named& row : named) {
    if (((row.defaults & ignore_merges) != 0) != spec.ignore_merges) continue;
    if (std::ranges::equal(steps, row.rows(), is_row)) return row.name;
  }
  return "";
}

std::vector<std::string> pre_tokenizer_names(bool ignores) {
  std::vector<std::string> names;
  std::vector<Rows (*)()> seen;
  for (const Named& row : named) {
    if (((row.defaults & ignore_merges) != 0) != ignores) continue;
    if (std::ranges::find(seen, row.rows) != seen.end()) continue;
    seen.push_back(row.rows);
    names.emplace_back(row.name);
  }
  return names;
}

bool pre_tokenizer_has(std::string_view pre, PreDefault what) {
  const Named* row = find(pre);
  const unsigned bit = what == PreDefault::add_bos ? add_bos : ignore_merges;
  return row != nullptr && (row->defaults & bit) != 0;
}

}  // namespace quire
