// Tokenizers as GGUF metadata: which of its kinds a tokenizer fits into, and what must be turned
// for that. The other direction is tokenizer_gguf.cpp.
#include "format/gguf_write.h"
#include "format/printable.h"
#include "text/flat_map.h"
#include "text/pre_tokenizer.h"
#include "text/pre_tokenizer_match.h"
#include "text/tokenizer_io.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace quire {
namespace {

constexpr std::string_view space_mark = "\xE2\x96\x81";  // U+2581
constexpr float score_of_rest = -1e6f;                   // of pieces that no merge makes

// What goes into the file, kind by kind.
struct Vocabulary {
  std::string model, pre = {};
  std::vector<std::string> pieces;
  std::vector<TokenType> types;
  std::vector<float> scores = {};
  std::optional<bool> space_prefix = {}, extra_spaces_go = {}, lowercase = {}, strip_accents = {};
  std::string charsmap = {};
  bool with_merges = false;
  std::vector<std::string> notes = {};
};

std::string key(std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); }

std::unexpected<Error> refuse(const TokenizerSpec& spec, std::string_view why) {
  return fail(
      Fault::unsupported,
      "{}: this tokenizer cannot be written into a GGUF: {}; keep the folder, which runs as "
      "it is",
      spec.name, why);
}

bool is_bytes(const PatternSpec& pattern, std::string_view text) {
  return pattern.syntax == PatternSpec::Syntax::literal && pattern.text == text;
}

Result<Vocabulary> as_gpt2(const TokenizerSpec& spec, const std::string& pre_wanted) {
  Vocabulary out{.model = "gpt2", .pieces = spec.pieces, .types = spec.types};
  for (const NormalizerSpec& step : spec.normalizers) {
    if (step.kind != NormalizerSpec::Kind::nfc)
      return refuse(spec, "it changes texts in a way that GGUF does not know");
    out.notes.push_back(
        "texts are brought into composed form (NFC) by tokenizer.json, not by readers of GGUF");
  }
  out.pre = !pre_wanted.empty() ? pre_wanted : spec.pre;
  if (out.pre.empty()) out.pre = pre_tokenizer_name(spec);
  if (out.pre.empty()) {
    out.pre = TRY(matching_pre_tokenizer(spec));
    if (!out.pre.empty())
      out.notes.push_back(fmt::format(
          "words are cut by an expression that GGUF has no name for; '{}' cuts {} texts "
          "of all kinds of characters into the same words",
          out.pre, n_probe_texts));
  }
  if (out.pre.empty())
    return refuse(spec,
                  "its words are cut in a way that GGUF has no name for (--pre NAME says that one "
                  "is good enough)");
  TRY(pre_tokenizer_by_name(out.pre, spec.name));
  const auto& steps = spec.pre_tokenizers;
  if (!steps.empty() && steps[0].kind == PreTokenizerSpec::Kind::prefix_space)
    out.space_prefix = true;
  out.with_merges = true;
  return out;
}

Result<Vocabulary> as_llama(const TokenizerSpec& spec) {
  Vocabulary out{.model = "llama", .pieces = spec.pieces, .types = spec.types};
  for (const NormalizerSpec& step : spec.normalizers) {
    if (step.kind != NormalizerSpec::Kind::precompiled || !step.longest)
      return refuse(spec, "it changes texts in a way that GGUF does not know");
    out.charsmap = step.text;
  }
  out.scores = spec.scores;
  out.space_prefix = spec.add_space_prefix;
  out.extra_spaces_go = spec.remove_extra_whitespaces;
  return out;
}

// Scores of pieces that merge in the order of the list: those of SentencePiece, from which such
// lists are made. There a piece comes into being from whatever halves it has, so the list must have
// all pairs that give a piece, one behind the other.
Result<std::vector<float>> scores_from_merges(const TokenizerSpec& spec) {
  const auto other = [&](std::string_view piece) {
    return refuse(spec, fmt::format("its merges are not those that scores of pieces would give "
                                    "('{}'), and GGUF's character BPE knows only scores",
                                    printable(piece)));
  };
  const auto pair_key = [](int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  };
  const StringIndex index(spec.pieces);
  std::vector<float> scores(spec.pieces.size(), score_of_rest);
  std::unordered_set<uint64_t> pairs;
  int32_t last = -1, n_pieces = 0;
  for (const auto& [left, right] : spec.merges) {
    const std::string piece = left + right;
    const int32_t a = index.find(left), b = index.find(right), id = index.find(piece);
    if (a < 0 || b < 0 || id < 0) return other(piece);
    pairs.insert(pair_key(a, b));
    if (id == last) continue;
    float& score = scores[static_cast<size_t>(id)];
    if (score != score_of_rest) return other(piece);  // had its turn already
    score = -static_cast<float>(n_pieces++);
    last = id;
  }
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    const std::string_view piece = spec.pieces[id];
    if (spec.types[id] != TokenType::normal) continue;
    for (size_t at = 1; at < piece.size(); ++at) {
      if ((static_cast<unsigned char>(piece[at]) & 0xC0) == 0x80) continue;  // within a character
      const int32_t a = index.find(piece.substr(0, at)), b = index.find(piece.substr(at));
      const auto is_normal = [&](int32_t half) {
        return half >= 0 && spec.types[static_cast<size_t>(half)] == TokenType::normal;
      };
      if (is_normal(a) && is_normal(b) && !pairs.contains(pair_key(a, b))) return other(piece);
    }
  }
  return scores;
}

// Whether and where spaces become U+2581, in the normalizer (Llama 2, Gemma) or in front of it.
Result<void> read_space_steps(const TokenizerSpec& spec, Vocabulary& out) {
  bool marked = false;
  out.space_prefix = false;
  for (const NormalizerSpec& step : spec.normalizers) {
    if (step.kind == NormalizerSpec::Kind::prepend && step.text == space_mark)
      out.space_prefix = true;
    else if (step.kind == NormalizerSpec::Kind::replace && is_bytes(step.pattern, " ") &&
             step.text == space_mark)
      marked = true;
    else
      return refuse(spec, "it changes texts in a way that GGUF does not know");
  }
  for (const PreTokenizerSpec& step : spec.pre_tokenizers) {
    if (marked && step.kind == PreTokenizerSpec::Kind::split && is_bytes(step.pattern, " "))
      continue;  // no space is left
    if (marked || step.kind != PreTokenizerSpec::Kind::metaspace || step.split ||
        step.replacement != space_mark)
      return refuse(spec,
                    "its words are cut before they are merged, GGUF's character BPE takes "
                    "texts whole");
    marked = true;
    out.space_prefix = step.prepend != PreTokenizerSpec::Prepend::never;
    if (*out.space_prefix)
      out.notes.push_back(
          "texts that begin with a space get one more in front from readers of GGUF");
  }
  if (!marked) return refuse(spec, "it keeps spaces, GGUF's character BPE marks them");
  return {};
}

Result<Vocabulary> from_characters(const TokenizerSpec& spec) {
  Vocabulary out{.model = "llama", .pre = "default", .pieces = spec.pieces, .types = spec.types};
  if (!spec.byte_fallback || !spec.subword_prefix.empty() || !spec.word_suffix.empty() ||
      spec.ignore_merges)
    return refuse(spec, "its character BPE is not that of SentencePiece");
  TRY(read_space_steps(spec, out));
  out.scores = TRY(scores_from_merges(spec));
  out.extra_spaces_go = false;
  return out;
}

Result<Vocabulary> from_unigram(const TokenizerSpec& spec) {
  Vocabulary out{.model = "t5", .pre = "default", .pieces = spec.pieces, .types = spec.types};
  out.scores.assign(spec.log_probabilities.begin(), spec.log_probabilities.end());
  out.space_prefix = false;
  out.extra_spaces_go = false;
  for (const NormalizerSpec& step : spec.normalizers) {
    using Kind = NormalizerSpec::Kind;
    if (step.kind == Kind::precompiled && out.charsmap.empty()) {
      out.charsmap = step.text;
    } else if (step.kind == Kind::sentencepiece_spaces) {
      out.space_prefix = step.left;
      out.extra_spaces_go = step.right;
    } else if (step.kind == Kind::strip ||
               (step.kind == Kind::replace && step.pattern.text == " {2,}")) {
      out.extra_spaces_go = true;
    } else if (step.kind != Kind::nmt) {  // the table does the same
      return refuse(spec, "it changes texts in a way that GGUF does not know");
    }
  }
  for (const PreTokenizerSpec& step : spec.pre_tokenizers) {
    if (step.kind == PreTokenizerSpec::Kind::whitespace_split) {
      out.extra_spaces_go = true;
      out.notes.push_back(
          "tokenizer.json cuts at all white space, readers of GGUF where their table makes a space "
          "of it");
    } else if (step.kind == PreTokenizerSpec::Kind::metaspace && step.replacement == space_mark)
      out.space_prefix = step.prepend != PreTokenizerSpec::Prepend::never;
    else
      return refuse(spec, "its words are cut in a way that GGUF's Unigram does not know");
  }
  if (*out.space_prefix && !*out.extra_spaces_go)
    out.notes.push_back("texts that begin with a space get one more in front from readers of GGUF");
  return out;
}

// A piece that begins a word is marked, one that goes on loses its mark.
Result<Vocabulary> from_wordpiece(const TokenizerSpec& spec) {
  Vocabulary out{.model = "bert", .pre = "default", .pieces = {}, .types = spec.types};
  using Kind = NormalizerSpec::Kind;
  const auto has = [&](Kind kind) {
    return std::ranges::find(spec.normalizers, kind, &NormalizerSpec::kind) !=
           spec.normalizers.end();
  };
  for (const NormalizerSpec& step : spec.normalizers)
    if (step.kind != Kind::bert_clean && step.kind != Kind::bert_chinese &&
        step.kind != Kind::bert_accents && step.kind != Kind::lowercase)
      return refuse(spec, "its normalizer is not BERT's");
  const auto& steps = spec.pre_tokenizers;
  const bool as_bert = steps.size() == 2 &&
                       steps[0].kind == PreTokenizerSpec::Kind::whitespace_split &&
                       steps[1].kind == PreTokenizerSpec::Kind::punctuation;
  if (!as_bert || !has(Kind::bert_clean) || !has(Kind::bert_chinese) || spec.subword_prefix != "##")
    return refuse(spec, "its words are not cut as BERT's are");
  out.lowercase = has(Kind::lowercase);
  out.strip_accents = has(Kind::bert_accents);
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    const std::string& piece = spec.pieces[id];
    const bool word =
        spec.types[id] == TokenType::normal || spec.types[id] == TokenType::user_defined;
    if (!word)
      out.pieces.push_back(piece);
    else if (piece.starts_with("##"))
      out.pieces.push_back(piece.substr(2));
    else
      out.pieces.push_back(std::string(space_mark) + piece);
  }
  return out;
}

Result<Vocabulary> vocabulary_of(const TokenizerSpec& spec, const std::string& pre) {
  if (!pre.empty() && spec.kind != "gpt2")
    return fail(Fault::usage,
                "{}: --pre names how a byte-level BPE cuts words, this is one of "
                "kind '{}'",
                spec.name, spec.kind);
  if (spec.kind == "gpt2") return as_gpt2(spec, pre);
  if (spec.kind == "llama") return as_llama(spec);
  if (spec.kind == "bpe") return from_characters(spec);
  if (spec.kind == "unigram") return from_unigram(spec);
  if (spec.kind == "wordpiece") return from_wordpiece(spec);
  return refuse(spec, fmt::format("GGUF has no kind for '{}'", spec.kind));
}

// What an added token does beside being found.
void add_token_notes(const TokenizerSpec& spec, std::vector<std::string>& notes) {
  for (const AddedTokenSpec& token : spec.added) {
    if (!token.lstrip && !token.rstrip && !token.single_word) continue;
    notes.push_back(fmt::format("'{}' and perhaps others {}, which readers of GGUF do not know",
                                printable(token.text),
                                token.single_word ? "are found as whole words only"
                                                  : "take the white space beside them along"));
    return;
  }
}

// Ids that no token has: between tokens, and up to the rows of the embedding.
void fill_up(Vocabulary& out, int64_t n_vocab) {
  const size_t n = std::max(out.pieces.size(), static_cast<size_t>(std::max<int64_t>(n_vocab, 0)));
  out.pieces.resize(n);
  out.types.resize(n, TokenType::unused);
  if (!out.scores.empty()) out.scores.resize(n, score_of_rest);
  for (size_t id = 0; id < n; ++id)
    if (out.pieces[id].empty()) out.pieces[id] = fmt::format("[PAD{}]", id);
}

// The ends of a text: eos, and of the others one that ends a turn and one that ends a message.
void add_ends(GgufWriter& writer, const TokenizerSpec& spec, std::vector<std::string>& notes) {
  int32_t eot = spec.eot, eom = -1;
  for (const int32_t id : spec.end_of_generation) {
    if (id < 0 || static_cast<size_t>(id) >= spec.pieces.size() || id == spec.eos || id == eot ||
        id == eom)
      continue;
    const std::string& piece = spec.pieces[static_cast<size_t>(id)];
    if (eom < 0 && piece.find("eom") != piece.npos)
      eom = id;
    else if (eot < 0)
      eot = id;
    else
      notes.push_back(fmt::format(
          "'{}' ends texts too; GGUF has room for fewer ends, readers may know it by its name",
          printable(piece)));
  }
  const std::pair<const char*, int32_t> ids[] = {
      {"bos_token_id", spec.bos},     {"eos_token_id", spec.eos},
      {"eot_token_id", eot},          {"eom_token_id", eom},
      {"unknown_token_id", spec.unk}, {"seperator_token_id", spec.sep},  // the key's name
      {"padding_token_id", spec.pad}, {"mask_token_id", spec.mask}};
  for (const auto& [name, id] : ids)
    if (id >= 0) writer.add_u32(key(name), static_cast<uint32_t>(id));
}

void add_vocabulary(GgufWriter& writer, const TokenizerSpec& spec, const Vocabulary& out) {
  writer.add_string(key("model"), out.model);
  if (!out.pre.empty()) writer.add_string(key("pre"), out.pre);
  writer.add_strings(key("tokens"), std::span<const std::string>(out.pieces));
  if (!out.scores.empty()) writer.add_f32s(key("scores"), out.scores);
  std::vector<int32_t> types;
  types.reserve(out.types.size());
  for (const TokenType type : out.types) types.push_back(static_cast<int32_t>(type));
  writer.add_i32s(key("token_type"), types);
  if (out.with_merges) {
    std::vector<std::string> merges;
    merges.reserve(spec.merges.size());
    for (const auto& [left, right] : spec.merges) merges.push_back(left + ' ' + right);
    writer.add_strings(key("merges"), std::span<const std::string>(merges));
  }
  const std::pair<const char*, std::optional<bool>> flags[] = {
      {"add_space_prefix", out.space_prefix},
      {"remove_extra_whitespaces", out.extra_spaces_go},
      {"normalizer.lowercase", out.lowercase},
      {"normalizer.strip_accents", out.strip_accents}};
  for (const auto& [name, value] : flags)
    if (value) writer.add_bool(key(name), *value);
  if (!out.charsmap.empty())
    writer.add_u8s(key("precompiled_charsmap"),
                   {reinterpret_cast<const uint8_t*>(out.charsmap.data()), out.charsmap.size()});
}

void add_chat_templates(GgufWriter& writer, const TokenizerSpec& spec) {
  if (!spec.chat_template.empty()) writer.add_string("tokenizer.chat_template", spec.chat_template);
  std::vector<std::string> names;
  for (const NamedTemplate& one : spec.named_chat_templates) {
    writer.add_string("tokenizer.chat_template." + one.name, one.source);
    names.push_back(one.name);
  }
  if (!names.empty())
    writer.add_strings("tokenizer.chat_templates", std::span<const std::string>(names));
}

}  // namespace

Result<std::vector<std::string>> write_tokenizer_metadata(GgufWriter& writer,
                                                          const TokenizerSpec& spec,
                                                          const GgufTokenizerOptions& options) {
  if (!spec.missing.empty()) {
    writer.add_string(key("model"), "none");
    return std::vector<std::string>{"there is no tokenizer: the file takes token ids only"};
  }
  Vocabulary out = TRY(vocabulary_of(spec, options.pre));
  const auto plain = [](const std::vector<int32_t>& ids, int32_t id) {
    return ids.empty() || (ids.size() == 1 && ids[0] == id);
  };
  const bool bert = out.model == "bert";
  const int32_t last = bert && spec.sep >= 0 ? spec.sep : spec.eos;
  if (!plain(spec.prefix_ids, spec.bos) || !plain(spec.suffix_ids, last))
    return refuse(spec, "it can only put BOS before and EOS after a text");
  fill_up(out, options.n_vocab);
  add_vocabulary(writer, spec, out);
  add_ends(writer, spec, out.notes);
  add_token_notes(spec, out.notes);
  writer.add_bool(key("add_bos_token"), !spec.prefix_ids.empty());
  writer.add_bool(key("add_eos_token"), !spec.suffix_ids.empty());
  if (bert) writer.add_bool(key("add_sep_token"), !spec.suffix_ids.empty());
  add_chat_templates(writer, spec);
  return out.notes;
}

}  // namespace quire
