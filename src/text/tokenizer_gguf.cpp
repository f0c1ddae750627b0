// Tokenizers in GGUF metadata: the tokenizer.ggml.* keys of the GGUF specification. What readers
// take for granted when a key is missing is stated at each default below.
#include "format/gguf.h"
#include "format/printable.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/tokenizer.h"
#include "text/tokenizer_io.h"

#include <algorithm>

namespace quire {
namespace {

std::string key(const char* name) { return std::string("tokenizer.ggml.") + name; }

// A token id; -1 when the key is missing or holds the "none" that some writers put there.
Result<int32_t> read_id(const GgufFile& file, const char* name, int32_t fallback) {
  const int64_t id = TRY(file.get_int_or(key(name), fallback));
  if (id == -1 || id == UINT32_MAX) return -1;
  if (id < 0 || id > INT32_MAX) {
    return fail(Fault::bad_format, "{}: {} is {}, which is no token id", file.path(), key(name),
                id);
  }
  return static_cast<int32_t>(id);
}

// Names of tokenizer.ggml.pre whose pieces are characters, not bytes.
bool is_character_pre_tokenizer(std::string_view pre) {
  constexpr std::string_view names[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe",
                                        "whitespace"};
  return std::ranges::find(names, pre) != std::end(names);
}

// "[UNK]" and the like, when a file does not say that they are control tokens.
bool names_special(std::string_view piece) {
  return piece.size() > 2 && piece.front() == '[' && piece.back() == ']';
}

Result<void> read_pieces(const GgufFile& file, TokenizerSpec& spec) {
  for (const std::string_view piece : TRY(file.get_strings(key("tokens")))) {
    spec.pieces.emplace_back(piece);
  }
  spec.types.assign(spec.pieces.size(), TokenType::normal);
  if (file.has(key("token_type"))) {
    const std::vector<int64_t> types = TRY(file.get_ints(key("token_type")));
    if (types.size() != spec.pieces.size()) {
      return fail(Fault::bad_format, "{}: {} has {} entries for {} tokens", file.path(),
                  key("token_type"), types.size(), spec.pieces.size());
    }
    for (size_t id = 0; id < types.size(); ++id) {
      // 0 (undefined) is written by some converters for ordinary pieces.
      if (types[id] == 0) continue;
      if (types[id] < 1 || types[id] > 6) {
        return fail(Fault::bad_format, "{}: token {} has type {}, known are 1 to 6", file.path(),
                    id, types[id]);
      }
      spec.types[id] = static_cast<TokenType>(types[id]);
    }
  }
  return {};
}

// What readers take for granted when a file does not say it.
struct Defaults {
  int32_t bos = -1, eos = -1, unk = -1, sep = -1, pad = -1, mask = -1;
  bool add_bos = false, add_eos = false, add_sep = false;
};

Defaults defaults_of(const TokenizerSpec& spec, std::string_view model) {
  Defaults defaults;
  if (model == "llama") {
    // A sentencepiece model that does not say otherwise has its three in this order.
    if (spec.pieces.size() > 2) {
      defaults = {.bos = 1, .eos = 2, .unk = 0};
      defaults.add_bos = true;
    }
  } else if (model == "t5") {
    if (spec.pieces.size() > 2) defaults = {.eos = 1, .unk = 2, .pad = 0};
    defaults.add_eos = true;
  } else if (model == "bert") {
    // Of the first published vocabulary.
    if (spec.pieces.size() > 103) {
      defaults = {.bos = 101, .unk = 100, .sep = 102, .pad = 0, .mask = 103};
    }
    defaults.add_bos = true;
    defaults.add_sep = true;
  } else {
    defaults.add_bos = spec.pre == "gemma4" || spec.pre == "granite-embed-multi-311m" ||
                       pre_tokenizer_has(spec.pre, PreDefault::add_bos);
  }
  return defaults;
}

Result<void> read_special_ids(const GgufFile& file, std::string_view model, TokenizerSpec& spec) {
  const Defaults defaults = defaults_of(spec, model);
  spec.bos = TRY(read_id(file, "bos_token_id", defaults.bos));
  spec.eos = TRY(read_id(file, "eos_token_id", defaults.eos));
  spec.unk = TRY(read_id(file, "unknown_token_id", defaults.unk));
  // The key was misspelt at first.
  spec.sep = TRY(read_id(file, "seperator_token_id", defaults.sep));
  spec.sep = TRY(read_id(file, "separator_token_id", spec.sep));
  spec.pad = TRY(read_id(file, "padding_token_id", defaults.pad));
  spec.mask = TRY(read_id(file, "mask_token_id", defaults.mask));
  spec.eot = TRY(read_id(file, "eot_token_id", -1));
  const int32_t eom = TRY(read_id(file, "eom_token_id", -1));
  if (eom >= 0) spec.end_of_generation.push_back(eom);
  const bool add_bos = TRY(file.get_bool_or(key("add_bos_token"), defaults.add_bos));
  const bool add_eos = TRY(file.get_bool_or(key("add_eos_token"), defaults.add_eos));
  // Behind a text of its own only BERT has a separator; elsewhere it stands between two texts.
  const bool add_sep =
      model == "bert" && TRY(file.get_bool_or(key("add_sep_token"), defaults.add_sep));
  if (add_bos && spec.bos >= 0) spec.prefix_ids.push_back(spec.bos);
  if (add_eos && spec.eos >= 0 && !add_sep) spec.suffix_ids.push_back(spec.eos);
  if (add_sep && spec.sep >= 0) spec.suffix_ids.push_back(spec.sep);
  return {};
}

Result<std::string> read_charsmap(const GgufFile& file) {
  const GgufValue* value = file.value(key("precompiled_charsmap"));
  if (value == nullptr || value->count == 0) return std::string();
  std::string table;
  for (const int64_t byte : TRY(file.get_ints(key("precompiled_charsmap")))) {
    table += static_cast<char>(byte);
  }
  return table;
}

Result<void> read_llama(const GgufFile& file, TokenizerSpec& spec) {
  spec.kind = "llama";
  if (std::string table = TRY(read_charsmap(file)); !table.empty()) {
    NormalizerSpec step{.kind = NormalizerSpec::Kind::precompiled, .text = std::move(table)};
    step.longest = true;
    spec.normalizers.push_back(std::move(step));
  }
  spec.scores = TRY(file.get_floats(key("scores")));
  spec.add_space_prefix = TRY(file.get_bool_or(key("add_space_prefix"), true));
  spec.remove_extra_whitespaces = TRY(file.get_bool_or(key("remove_extra_whitespaces"), false));
  add_space_decoders(spec, spec.add_space_prefix);
  return {};
}

// Unigram models of sentencepiece, with the normalizer they were trained with.
Result<void> read_t5(const GgufFile& file, TokenizerSpec& spec) {
  spec.kind = "unigram";
  spec.fuse_unk = true;
  const std::vector<float> scores = TRY(file.get_floats(key("scores")));
  spec.log_probabilities.assign(scores.begin(), scores.end());
  if (scores.size() != spec.pieces.size()) {
    return fail(Fault::bad_format, "{}: {} has {} entries for {} tokens", file.path(),
                key("scores"), scores.size(), spec.pieces.size());
  }
  spec.byte_fallback = std::ranges::count(spec.types, TokenType::byte) == 256;
  if (std::string table = TRY(read_charsmap(file)); !table.empty()) {
    NormalizerSpec step{.kind = NormalizerSpec::Kind::precompiled, .text = std::move(table)};
    step.longest = true;
    spec.normalizers.push_back(std::move(step));
  }
  NormalizerSpec spaces{.kind = NormalizerSpec::Kind::sentencepiece_spaces};
  spaces.left = TRY(file.get_bool_or(key("add_space_prefix"), true));
  spaces.right = TRY(file.get_bool_or(key("remove_extra_whitespaces"), false));
  spec.normalizers.push_back(spaces);
  add_space_decoders(spec, spaces.left);
  return {};
}

// Pieces stand in the file with a U+2581 where a word begins and with nothing where it goes on.
// Here they are as BERT's own vocabulary has them.
Result<void> read_bert(const GgufFile& file, TokenizerSpec& spec) {
  spec.kind = "wordpiece";
  spec.subword_prefix = "##";
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    std::string& piece = spec.pieces[id];
    if (piece.starts_with("\xE2\x96\x81")) {
      piece.erase(0, 3);
    } else if (spec.types[id] == TokenType::normal && !names_special(piece)) {
      piece.insert(0, "##");
    }
  }
  const bool lowercase = TRY(file.get_bool_or(key("normalizer.lowercase"), true));
  const bool accents = TRY(file.get_bool_or(key("normalizer.strip_accents"), lowercase));
  spec.normalizers = {{.kind = NormalizerSpec::Kind::bert_clean},
                      {.kind = NormalizerSpec::Kind::bert_chinese}};
  if (accents) spec.normalizers.push_back({.kind = NormalizerSpec::Kind::bert_accents});
  if (lowercase) spec.normalizers.push_back({.kind = NormalizerSpec::Kind::lowercase});
  spec.pre_tokenizers = {{.kind = PreTokenizerSpec::Kind::whitespace_split},
                         {.kind = PreTokenizerSpec::Kind::punctuation}};
  spec.decoders = {{.kind = DecoderSpec::Kind::wordpiece, .from = "##", .cleanup = true}};
  return {};
}

Result<void> read_merges(const GgufFile& file, TokenizerSpec& spec) {
  for (const std::string_view merge : TRY(file.get_strings(key("merges")))) {
    // The left piece has a byte at least, and may itself begin with a space.
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) {
      return fail(Fault::bad_format, "{}: merge {} '{}' is not two pieces with a space between",
                  file.path(), spec.merges.size(), printable(merge));
    }
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return {};
}

// Merges over characters, as in the Gemma 4 family: spaces are U+2581, and a character without a
// piece becomes bytes. With "whitespace", words are what white space leaves.
Result<void> read_character_bpe(const GgufFile& file, TokenizerSpec& spec) {
  spec.kind = "bpe";
  spec.byte_fallback = true;
  TRY(read_merges(file, spec));
  if (spec.pre == "whitespace") {
    spec.pre_tokenizers = {{.kind = PreTokenizerSpec::Kind::whitespace_split}};
    if (TRY(file.get_bool_or(key("normalizer.lowercase"), false))) {
      spec.normalizers.push_back({.kind = NormalizerSpec::Kind::lowercase});
    }
    return {};
  }
  NormalizerSpec spaces{.kind = NormalizerSpec::Kind::replace, .text = "\xE2\x96\x81"};
  spaces.pattern = {PatternSpec::Syntax::literal, " "};
  spec.normalizers.push_back(std::move(spaces));
  add_space_decoders(spec, false);
  return {};
}

Result<void> read_gpt2(const GgufFile& file, std::string_view pre_override, TokenizerSpec& spec) {
  spec.kind = "gpt2";
  const std::string_view pre = TRY(file.get_string_or(key("pre"), "default"));
  spec.pre = pre_override.empty() ? pre : pre_override;
  if (is_character_pre_tokenizer(spec.pre)) return read_character_bpe(file, spec);
  spec.pre_tokenizers = TRY(pre_tokenizer_by_name(spec.pre, file.path()));
  spec.ignore_merges = pre_tokenizer_has(spec.pre, PreDefault::ignore_merges);
  TRY(read_merges(file, spec));
  if (TRY(file.get_bool_or(key("add_space_prefix"), false))) {
    spec.pre_tokenizers.insert(spec.pre_tokenizers.begin(),
                               {.kind = PreTokenizerSpec::Kind::prefix_space});
  }
  spec.decoders = {{.kind = DecoderSpec::Kind::byte_level}};
  return {};
}

// tokenizer.chat_template, and tokenizer.chat_template.NAME for each of tokenizer.chat_templates.
Result<void> read_chat_templates(const GgufFile& file, TokenizerSpec& spec) {
  const std::string one = "tokenizer.chat_template";
  spec.chat_template = TRY(file.get_string_or(one, ""));
  if (!file.has("tokenizer.chat_templates")) return {};
  for (const std::string_view name : TRY(file.get_strings("tokenizer.chat_templates"))) {
    const std::string key = fmt::format("{}.{}", one, name);
    spec.named_chat_templates.push_back(
        {std::string(name), std::string(TRY(file.get_string(key)))});
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_gguf(const GgufFile& file,
                                                              std::string_view pre_override) {
  TokenizerSpec spec;
  spec.name = file.path();
  const std::string model(TRY(file.get_string(key("model"))));
  if (model == "none" || model == "no_vocab") {
    return fail(Fault::unsupported,
                "{}: the file says that it has no tokenizer ({} is '{}'); text needs one",
                file.path(), key("model"), model);
  }
  constexpr std::string_view known[] = {"llama", "gpt2", "t5", "bert", "gemma4"};
  if (std::ranges::find(known, model) == std::end(known)) {
    return fail(Fault::unsupported,
                "{}: tokenizers of kind '{}' are not supported (known: llama, gpt2, t5, bert, "
                "gemma4)",
                file.path(), printable(model));
  }
  TRY(read_pieces(file, spec));
  if (model == "llama") {
    TRY(read_llama(file, spec));
  } else if (model == "t5") {
    TRY(read_t5(file, spec));
  } else if (model == "bert") {
    TRY(read_bert(file, spec));
  } else {
    TRY(read_gpt2(file, model == "gemma4" ? model : pre_override, spec));
  }
  TRY(read_special_ids(file, model, spec));
  add_tokens_by_type(spec);
  TRY(read_chat_templates(file, spec));
  return create(std::move(spec));
}

}  // namespace quire
