// The patterns behind the names of tokenizer.ggml.pre, as the models' own tokenizer files state
// them. Each row of a pattern cuts what the row before it left, and every match stands alone.
#include "text/pre_tokenizer.h"

#include "format/printable.h"

#include <algorithm>
#include <span>

namespace quire {
namespace {

enum : unsigned { add_bos = 1, ignore_merges = 2 };

using Rows = std::vector<std::string>;

const char* const gpt2_row =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const deepseek3_row =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Letters of scripts with two cases.
const char* const deepseek_cased_row =
    "\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅ"
    "Ὀ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-"
    "ⅉⅎↃↄⰀ-ⱻⱾ-ⳤ"
    "Ⳬ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";

// llama3 and its relatives differ in how many digits make a word.
std::string llama3_row(std::string_view digits) {
  return std::string(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)")
      .append(digits)
      .append(R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
}

// o200k and tekken: words change at a change of case.
std::string cased_row(std::string_view contraction, std::string_view digits) {
  const std::string upper = R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])";
  const std::string lower = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
  const std::string lead = R"([^\r\n\p{L}\p{N}]?)";
  return std::string(lead)
      .append(upper)
      .append("*")
      .append(lower)
      .append("+")
      .append(contraction)
      .append("|")
      .append(lead)
      .append(upper)
      .append("+")
      .append(lower)
      .append("*")
      .append(contraction)
      .append("|")
      .append(digits)
      .append(R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
}

namespace patterns {

Rows gpt2() { return {gpt2_row}; }
Rows punctuation_first() {
  return {R"([\p{P}\$\+<=>\^~\|]+)", gpt2_row, R"(\p{N}+)", "[0-9][0-9][0-9]"};
}
Rows llama3() { return {llama3_row(R"(\p{N}{1,3})")}; }
Rows qwen2() { return {llama3_row(R"(\p{N})")}; }
Rows qwen35() {
  return {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
          R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
}
Rows o200k() { return {cased_row("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", R"(\p{N}{1,3})")}; }
Rows tekken() { return {cased_row("", R"(\p{N})")}; }
Rows deepseek_llm() {
  return {"[\r\n]",  deepseek_cased_row,      R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
          R"(\s+$)", "[一-龥ࠀ-一가-\uD7FF]+", R"(\p{N}+)"};
}
Rows deepseek_coder() {
  return {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-\uD7FF]+", R"(\p{N})"};
}
Rows deepseek3() { return {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", deepseek3_row}; }
Rows falcon() { return {R"([\p{P}\$\+<=>\^~\|`]+)", gpt2_row, "[0-9][0-9][0-9]"}; }
Rows starcoder() { return {R"(\p{N})", gpt2_row}; }
Rows bloom() { return {R"( ?[^(\s|.,!?…。，、।۔،)]+)"}; }
Rows viking() { return {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"}; }
Rows bailingmoe() {
  return {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|)"
          R"(\s*[\r\n]|\s+(?!\S)|\s+)"};
}
Rows seed_coder() {
  return {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}|)"
          R"( ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"};
}

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

std::string_view gpt2_pattern() { return gpt2_row; }

std::string pre_tokenizer_name(const TokenizerSpec& spec) {
  for (const Named& row : named) {
    if (((row.defaults & ignore_merges) != 0) != spec.ignore_merges) continue;
    if (std::ranges::equal(spec.pre_tokenizers, row.rows(), is_row)) return row.name;
  }
  return "";
}

bool pre_tokenizer_has(std::string_view pre, PreDefault what) {
  const Named* row = find(pre);
  const unsigned bit = what == PreDefault::add_bos ? add_bos : ignore_merges;
  return row != nullptr && (row->defaults & bit) != 0;
}

}  // namespace quire
