// Tokenizers in GGUF metadata: the tokenizer.ggml.* keys of the GGUF specification. What readers
// take for granted when a key is missing is stated at each default below.
#include "format/gguf.h"
#include "format/gguf_write.h"
#include "format/printable.h"
#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
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

Result<void> read_special_ids(const GgufFile& file, TokenizerSpec& spec) {
  // A sentencepiece model that does not say otherwise has its three in this order.
  const bool is_llama = spec.kind == "llama" && spec.pieces.size() > 2;
  spec.bos = TRY(read_id(file, "bos_token_id", is_llama ? 1 : -1));
  spec.eos = TRY(read_id(file, "eos_token_id", is_llama ? 2 : -1));
  spec.unk = TRY(read_id(file, "unknown_token_id", is_llama ? 0 : -1));
  spec.pad = TRY(read_id(file, "padding_token_id", -1));
  spec.eot = TRY(read_id(file, "eot_token_id", -1));
  const int32_t eom = TRY(read_id(file, "eom_token_id", -1));
  if (eom >= 0) spec.end_of_generation.push_back(eom);
  const bool bos_by_default = is_llama || pre_tokenizer_has(spec.pre, PreDefault::add_bos);
  const bool add_bos = TRY(file.get_bool_or(key("add_bos_token"), bos_by_default));
  const bool add_eos = TRY(file.get_bool_or(key("add_eos_token"), false));
  if (add_bos && spec.bos >= 0) spec.prefix_ids.push_back(spec.bos);
  if (add_eos && spec.eos >= 0) spec.suffix_ids.push_back(spec.eos);
  return {};
}

Result<void> read_llama(const GgufFile& file, TokenizerSpec& spec) {
  const GgufValue* charsmap = file.value(key("precompiled_charsmap"));
  if (charsmap != nullptr && charsmap->count > 0) {
    return fail(Fault::unsupported,
                "{}: {} (a table of characters to replace) is not supported; use the model's "
                "tokenizer.json if it has none",
                file.path(), key("precompiled_charsmap"));
  }
  spec.scores = TRY(file.get_floats(key("scores")));
  spec.add_space_prefix = TRY(file.get_bool_or(key("add_space_prefix"), true));
  spec.remove_extra_whitespaces = TRY(file.get_bool_or(key("remove_extra_whitespaces"), false));
  spec.decoders = {
      {.kind = DecoderSpec::Kind::replace, .from = "\xE2\x96\x81", .to = " "},
      {.kind = DecoderSpec::Kind::byte_fallback},
      {.kind = DecoderSpec::Kind::fuse},
  };
  if (spec.add_space_prefix) {
    spec.decoders.push_back({.kind = DecoderSpec::Kind::strip, .from = " ", .n_start = 1});
  }
  return {};
}

Result<void> read_gpt2(const GgufFile& file, std::string_view pre_override, TokenizerSpec& spec) {
  const std::string_view pre = TRY(file.get_string_or(key("pre"), "default"));
  spec.pre = pre_override.empty() ? pre : pre_override;
  spec.pre_tokenizers = TRY(pre_tokenizer_by_name(spec.pre, file.path()));
  spec.ignore_merges = pre_tokenizer_has(spec.pre, PreDefault::ignore_merges);
  for (const std::string_view merge : TRY(file.get_strings(key("merges")))) {
    // The left piece has a byte at least, and may itself begin with a space.
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) {
      return fail(Fault::bad_format, "{}: merge {} '{}' is not two pieces with a space between",
                  file.path(), spec.merges.size(), printable(merge));
    }
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  if (TRY(file.get_bool_or(key("add_space_prefix"), false))) {
    spec.pre_tokenizers.insert(spec.pre_tokenizers.begin(),
                               {.kind = PreTokenizerSpec::Kind::prefix_space});
  }
  spec.decoders = {{.kind = DecoderSpec::Kind::byte_level}};
  return {};
}

// Which tokens are cut out of the text before anything else. User-defined pieces of a sentencepiece
// model are found by its own encoder, behind the space prefix.
void add_tokens(TokenizerSpec& spec) {
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    const TokenType type = spec.types[id];
    const bool special = type == TokenType::control || type == TokenType::unknown;
    if (!special && (type != TokenType::user_defined || spec.kind == "llama")) continue;
    AddedTokenSpec token;
    token.id = static_cast<int32_t>(id);
    token.text = spec.pieces[id];
    token.special = special;
    spec.added.push_back(std::move(token));
  }
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_gguf(const GgufFile& file,
                                                              std::string_view pre_override) {
  TokenizerSpec spec;
  spec.name = file.path();
  spec.kind = TRY(file.get_string(key("model")));
  if (spec.kind != "llama" && spec.kind != "gpt2") {
    return fail(Fault::unsupported,
                "{}: tokenizers of kind '{}' are not supported (known: llama, gpt2)", file.path(),
                printable(spec.kind));
  }
  TRY(read_pieces(file, spec));
  if (spec.kind == "llama") {
    TRY(read_llama(file, spec));
  } else {
    TRY(read_gpt2(file, pre_override, spec));
  }
  TRY(read_special_ids(file, spec));
  add_tokens(spec);
  spec.chat_template = TRY(file.get_string_or("tokenizer.chat_template", ""));
  return create(std::move(spec));
}

Result<void> write_tokenizer_metadata(GgufWriter& writer, const TokenizerSpec& spec) {
  std::string pre = spec.pre;
  if (spec.kind == "gpt2") {
    if (pre.empty()) pre = pre_tokenizer_name(spec);
    if (pre.empty() || !spec.normalizers.empty()) {
      return fail(Fault::unsupported,
                  "{}: its words are cut in a way that GGUF has no name for; keep tokenizer.json",
                  spec.name);
    }
  } else if (spec.kind != "llama") {
    return fail(Fault::unsupported, "{}: GGUF cannot hold a tokenizer of kind '{}'", spec.name,
                spec.kind);
  }
  const auto plain = [](const std::vector<int32_t>& ids, int32_t id) {
    return ids.empty() || (ids.size() == 1 && ids[0] == id);
  };
  if (!plain(spec.prefix_ids, spec.bos) || !plain(spec.suffix_ids, spec.eos)) {
    return fail(Fault::unsupported, "{}: GGUF can only put BOS before and EOS after a text",
                spec.name);
  }
  writer.add_string(key("model"), spec.kind);
  if (!pre.empty()) writer.add_string(key("pre"), pre);
  writer.add_strings(key("tokens"), std::span<const std::string>(spec.pieces));
  if (!spec.scores.empty()) writer.add_f32s(key("scores"), spec.scores);
  std::vector<int32_t> types;
  for (const TokenType type : spec.types) types.push_back(static_cast<int32_t>(type));
  writer.add_i32s(key("token_type"), types);
  if (spec.kind == "gpt2") {
    std::vector<std::string> merges;
    for (const auto& [left, right] : spec.merges) merges.push_back(left + ' ' + right);
    writer.add_strings(key("merges"), std::span<const std::string>(merges));
  } else {
    writer.add_bool(key("add_space_prefix"), spec.add_space_prefix);
    writer.add_bool(key("remove_extra_whitespaces"), spec.remove_extra_whitespaces);
  }
  const std::pair<const char*, int32_t> ids[] = {{"bos_token_id", spec.bos},
                                                 {"eos_token_id", spec.eos},
                                                 {"eot_token_id", spec.eot},
                                                 {"unknown_token_id", spec.unk},
                                                 {"padding_token_id", spec.pad}};
  for (const auto& [name, id] : ids) {
    if (id >= 0) writer.add_u32(key(name), static_cast<uint32_t>(id));
  }
  writer.add_bool(key("add_bos_token"), !spec.prefix_ids.empty());
  writer.add_bool(key("add_eos_token"), !spec.suffix_ids.empty());
  if (!spec.chat_template.empty()) writer.add_string("tokenizer.chat_template", spec.chat_template);
  return {};
}

}  // namespace quire
