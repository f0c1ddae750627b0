#include "text/tokenizer.h"

#include "format/printable.h"
#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/word_encoder.h"

#include <algorithm>

namespace quire {
namespace {

constexpr size_t n_vocab_max = size_t{1} << 24;
constexpr size_t text_bytes_max = (size_t{1} << 31) - 1;
constexpr size_t added_token_bytes_max = 1024;
constexpr size_t n_affix_ids_max = 64;

// Names under which models keep their end-of-turn tokens without saying so in the metadata.
constexpr std::string_view end_names[] = {
    "<|eot_id|>",      "<|im_end|>",
    "<|end|>",         "<end_of_turn>",
    "<|endoftext|>",   "<|eom_id|>",
    "<EOT>",           "_<EOT>",
    "<|end_of_text|>", "<|endofturn|>",
    "<|end_of_turn|>", "<end_of_utterance>",
    "<|eos|>",         "<|return|>",
    "<|call|>",        "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
};

Result<void> check_id(const TokenizerSpec& spec, const char* what, int32_t id) {
  if (id >= -1 && id < static_cast<int32_t>(spec.pieces.size())) return {};
  return fail(Fault::bad_format, "{}: {} is token {}, but there are {} tokens", spec.name, what, id,
              spec.pieces.size());
}

Result<void> check(const TokenizerSpec& spec) {
  const size_t n = spec.pieces.size();
  if (n == 0) return fail(Fault::bad_format, "{}: a tokenizer without tokens", spec.name);
  if (n > n_vocab_max) {
    return fail(Fault::limit, "{}: {} tokens, at most {} are supported", spec.name, n, n_vocab_max);
  }
  if (spec.types.size() != n) {
    return fail(Fault::bad_format, "{}: {} token types for {} tokens", spec.name, spec.types.size(),
                n);
  }
  TRY(check_id(spec, "bos", spec.bos));
  TRY(check_id(spec, "eos", spec.eos));
  TRY(check_id(spec, "eot", spec.eot));
  TRY(check_id(spec, "unk", spec.unk));
  TRY(check_id(spec, "pad", spec.pad));
  TRY(check_id(spec, "sep", spec.sep));
  TRY(check_id(spec, "mask", spec.mask));
  if (spec.word_characters_max < 0) {
    return fail(Fault::bad_format, "{}: words of at most {} characters", spec.name,
                spec.word_characters_max);
  }
  for (const int32_t id : spec.end_of_generation) TRY(check_id(spec, "an end of generation", id));
  if (spec.prefix_ids.size() + spec.suffix_ids.size() > n_affix_ids_max) {
    return fail(Fault::limit, "{}: {} tokens around every text, at most {} are supported",
                spec.name, spec.prefix_ids.size() + spec.suffix_ids.size(), n_affix_ids_max);
  }
  for (const auto* ids : {&spec.prefix_ids, &spec.suffix_ids}) {
    for (const int32_t id : *ids) {
      if (id < 0) return fail(Fault::bad_format, "{}: there is no token {}", spec.name, id);
      TRY(check_id(spec, "a token around every text", id));
    }
  }
  for (const AddedTokenSpec& token : spec.added) {
    if (token.id < 0)
      return fail(Fault::bad_format, "{}: there is no token {}", spec.name, token.id);
    TRY(check_id(spec, "an added token", token.id));
    if (token.text.size() > added_token_bytes_max) {
      return fail(Fault::limit, "{}: an added token has {} bytes, at most {} are supported",
                  spec.name, token.text.size(), added_token_bytes_max);
    }
  }
  return {};
}

}  // namespace

struct Tokenizer::State {
  TokenizerSpec spec;
  StringIndex pieces;  // without tokens that are only added
  std::unique_ptr<WordEncoder> encoder;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  AddedTokens added, added_normalized;
  Decoder decoder;
  std::vector<bool> hidden, ends;  // by id

  Result<void> init();
  Result<void> add_tokens();
  void find_ends();
  int32_t find(std::string_view text) const;  // -1: no token has it

  // The steps of encode, from the whole text down to words.
  Result<void> encode_text(std::string_view text, const EncodeOptions& options,
                           EncodeScratch& scratch, std::vector<int32_t>& ids) const;
  Result<void> encode_part(std::string_view text, TextPosition position,
                           const EncodeOptions& options, EncodeScratch& scratch,
                           std::vector<int32_t>& ids) const;
  Result<void> encode_valid(std::string_view text, TextPosition position, ParseSpecial parse,
                            EncodeScratch& scratch, std::vector<int32_t>& ids) const;
  Result<void> encode_words(std::string_view text, TextPosition position, EncodeScratch& scratch,
                            std::vector<int32_t>& ids) const;
};

Result<void> Tokenizer::State::init() {
  TRY(check(spec));
  const MakeWordEncoder make = word_encoder_of(spec.kind);
  if (make == nullptr) {
    return fail(Fault::unsupported, "{}: tokenizers of kind '{}' are not supported", spec.name,
                printable(spec.kind));
  }
  std::vector<int32_t> added_only;  // words are not made of them
  for (const AddedTokenSpec& token : spec.added)
    if (!token.model_knows) added_only.push_back(token.id);
  pieces = StringIndex(spec.pieces, added_only);
  encoder = TRY(make(spec, pieces));
  normalizer = TRY(Normalizer::create(spec.normalizers, spec.name));
  pre_tokenizer = TRY(PreTokenizer::create(spec.pre_tokenizers, spec.name));
  decoder = TRY(Decoder::create(spec));
  TRY(add_tokens());
  for (const TokenType type : spec.types) {
    hidden.push_back(type == TokenType::control ||
                     (type == TokenType::unknown && spec.kind != "llama"));
  }
  find_ends();
  return {};
}

Result<void> Tokenizer::State::add_tokens() {
  MatchScratch scratch;
  for (const AddedTokenSpec& token : spec.added) {
    if (!token.normalized || normalizer.empty()) {
      (token.normalized ? added_normalized : added).add(token, token.text);
      continue;
    }
    const std::string valid = utf8_replace_invalid(token.text, ReplaceEach::byte);
    added_normalized.add(token, TRY(normalizer.apply(valid, scratch)));
  }
  return {};
}

int32_t Tokenizer::State::find(std::string_view text) const {
  if (const int32_t id = pieces.find(text); id >= 0) return id;
  const auto token = std::ranges::find(spec.added, text, &AddedTokenSpec::text);
  return token == spec.added.end() ? -1 : token->id;
}

void Tokenizer::State::find_ends() {
  ends.resize(spec.pieces.size());
  std::vector<int32_t>& list = spec.end_of_generation;
  list.push_back(spec.eos);
  list.push_back(spec.eot);
  for (const std::string_view name : end_names) {
    const int32_t id = find(name);
    if (id >= 0 && hidden[static_cast<size_t>(id)]) list.push_back(id);
  }
  std::erase(list, -1);
  std::ranges::sort(list);
  const auto repeated = std::ranges::unique(list);
  list.erase(repeated.begin(), repeated.end());
  for (const int32_t id : list) ends[static_cast<size_t>(id)] = true;
}

Result<void> Tokenizer::State::encode_text(std::string_view text, const EncodeOptions& options,
                                           EncodeScratch& scratch,
                                           std::vector<int32_t>& ids) const {
  auto part = [&](int32_t id, std::string_view words) -> Result<void> {
    if (id >= 0) {
      ids.push_back(id);
      return {};
    }
    const auto position =
        words.data() == text.data() ? TextPosition::first : TextPosition::after_token;
    // What is looked for after normalization has lost its place: no control token is found in a
    // part that must not have one.
    const auto begin = static_cast<size_t>(words.data() - text.data());
    const auto plain = std::ranges::upper_bound(options.plain_at, begin);
    if (plain == options.plain_at.end() || *plain >= begin + words.size())
      return encode_part(words, position, options, scratch, ids);
    EncodeOptions as_text = options;
    as_text.parse = ParseSpecial::as_text;
    return encode_part(words, position, as_text, scratch, ids);
  };
  return added.split(text, options.parse, part, options.plain_at);
}

// Deals with bytes that are not UTF-8.
Result<void> Tokenizer::State::encode_part(std::string_view text, TextPosition position,
                                           const EncodeOptions& options, EncodeScratch& scratch,
                                           std::vector<int32_t>& ids) const {
  const size_t n_valid = utf8_valid_prefix(text);
  if (n_valid == text.size() || (spec.kind == "llama" && options.invalid == InvalidUtf8::keep)) {
    return encode_valid(text, position, options.parse, scratch, ids);
  }
  if (spec.kind != "gpt2") {
    const std::string& valid =
        scratch.words.texts.emplace_back(utf8_replace_invalid(text, ReplaceEach::byte));
    return encode_valid(valid, position, options.parse, scratch, ids);
  }
  size_t n = n_valid;
  while (!text.empty()) {
    if (n > 0) TRY(encode_valid(text.substr(0, n), position, options.parse, scratch, ids));
    text.remove_prefix(n);
    const size_t n_invalid = utf8_invalid_prefix(text);
    if (n_invalid > 0) encoder->encode(text.substr(0, n_invalid), scratch, ids);
    text.remove_prefix(n_invalid);
    position = TextPosition::continued;
    n = utf8_valid_prefix(text);
  }
  return {};
}

Result<void> Tokenizer::State::encode_valid(std::string_view text, TextPosition position,
                                            ParseSpecial parse, EncodeScratch& scratch,
                                            std::vector<int32_t>& ids) const {
  if (!normalizer.empty()) {
    text = scratch.words.texts.emplace_back(TRY(normalizer.apply(text, scratch.words.match)));
  }
  if (added_normalized.empty()) return encode_words(text, position, scratch, ids);
  auto part = [&](int32_t id, std::string_view words) -> Result<void> {
    if (id >= 0) {
      ids.push_back(id);
      return {};
    }
    const bool leads = words.data() == text.data();
    return encode_words(words, leads ? position : TextPosition::after_token, scratch, ids);
  };
  return added_normalized.split(text, parse, part);
}

Result<void> Tokenizer::State::encode_words(std::string_view text, TextPosition position,
                                            EncodeScratch& scratch,
                                            std::vector<int32_t>& ids) const {
  auto word = [&](std::string_view one) { encoder->encode(one, scratch, ids); };
  return pre_tokenizer.run(text, position, scratch.words, word);
}

Tokenizer::Tokenizer(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::create(TokenizerSpec spec) {
  auto state = std::make_unique<State>();
  state->spec = std::move(spec);
  TRY(state->init());
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(state)));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (text.size() > text_bytes_max) {
    return fail(Fault::limit, "a text of {} bytes, at most {} can be tokenized at once",
                text.size(), text_bytes_max);
  }
  if (!state_->spec.missing.empty()) return fail(Fault::unsupported, "{}", state_->spec.missing);
  std::vector<int32_t> ids;
  EncodeScratch scratch;
  scratch.cache.reset(text.size());
  const bool add = options.add == AddSpecial::as_model;
  if (add) ids = state_->spec.prefix_ids;
  TRY(state_->encode_text(text, options, scratch, ids));
  if (!scratch.unencodable.empty()) {
    return fail(Fault::unsupported, "{}: there is no piece for '{}', and no unknown token",
                state_->spec.name, printable(scratch.unencodable.substr(0, 64)));
  }
  if (add) {
    ids.insert(ids.end(), state_->spec.suffix_ids.begin(), state_->spec.suffix_ids.end());
  }
  return ids;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::none(int64_t n_tokens, std::string why) {
  TokenizerSpec spec;
  spec.kind = "wordlevel";
  spec.missing = std::move(why);
  spec.pieces.resize(static_cast<size_t>(std::min<int64_t>(n_tokens, n_vocab_max)));
  spec.types.resize(spec.pieces.size(), TokenType::unused);
  return create(std::move(spec));
}

bool Tokenizer::shows(int32_t id, ShowSpecial special) const {
  if (id < 0 || id >= n_vocab()) return false;
  return special == ShowSpecial::show || !state_->hidden[static_cast<size_t>(id)];
}

DecodeWalk Tokenizer::walk(DecodeAt at) const {
  return {state_->decoder,
          at == DecodeAt::start ? DecodeWalk::From::start : DecodeWalk::From::middle};
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::string text;
  DecodeWalk steps = walk(options.at);
  for (const int32_t id : ids) {
    if (shows(id, options.special)) steps.append(id, text);
  }
  return text;
}

std::string Tokenizer::readable(std::string_view bytes) const {
  return utf8_replace_invalid(
      bytes, state_->decoder.has_byte_tokens() ? ReplaceEach::byte : ReplaceEach::part);
}

std::string_view Tokenizer::piece(int32_t id) const {
  if (id < 0 || id >= n_vocab()) return {};
  return state_->decoder.bytes(id);
}

std::optional<int32_t> Tokenizer::id_of(std::string_view text) const {
  const int32_t id = state_->find(text);
  if (id < 0 || text.empty()) return std::nullopt;
  return id;
}

TokenType Tokenizer::type(int32_t id) const {
  if (id < 0 || id >= n_vocab()) return TokenType::unused;
  return state_->spec.types[static_cast<size_t>(id)];
}

bool Tokenizer::is_special(int32_t id) const {
  return id >= 0 && id < n_vocab() && state_->hidden[static_cast<size_t>(id)];
}

bool Tokenizer::is_end_of_generation(int32_t id) const {
  return id >= 0 && id < n_vocab() && state_->ends[static_cast<size_t>(id)];
}

int32_t Tokenizer::n_vocab() const { return static_cast<int32_t>(state_->spec.pieces.size()); }
int32_t Tokenizer::bos() const { return state_->spec.bos; }
int32_t Tokenizer::eos() const { return state_->spec.eos; }
int32_t Tokenizer::eot() const { return state_->spec.eot; }
int32_t Tokenizer::unk() const { return state_->spec.unk; }
int32_t Tokenizer::pad() const { return state_->spec.pad; }
int32_t Tokenizer::sep() const { return state_->spec.sep; }
int32_t Tokenizer::mask() const { return state_->spec.mask; }
std::span<const int32_t> Tokenizer::prefix_ids() const { return state_->spec.prefix_ids; }
std::span<const int32_t> Tokenizer::suffix_ids() const { return state_->spec.suffix_ids; }
const std::vector<int32_t>& Tokenizer::end_of_generation() const {
  return state_->spec.end_of_generation;
}
const std::string& Tokenizer::chat_template() const { return state_->spec.chat_template; }
std::span<const NamedTemplate> Tokenizer::named_chat_templates() const {
  return state_->spec.named_chat_templates;
}
const TokenizerSpec& Tokenizer::spec() const { return state_->spec; }

}  // namespace quire
