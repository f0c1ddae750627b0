// Text to token ids and back.
//
//   auto tokenizer = TRY(load_tokenizer("model.gguf"));          // text/tokenizer_io.h
//   std::vector<int32_t> ids = TRY(tokenizer->encode("Once upon a time"));
//   std::string text = tokenizer->decode(ids);
//
// Ids are those of the reference implementations: Hugging Face `tokenizers` for byte-level BPE,
// WordPiece and every tokenizer.json, sentencepiece for GGUF models of kind "llama" and "t5"
// (control tokens in the text, which sentencepiece does not know, are cut out first and a text that
// follows one gets a space prefix of its own).
//
// Bytes that are not UTF-8: the longest run of them ends the text before it, is a word of its own,
// and the text after it begins anew (for the pattern, not for the space prefix). Byte-level BPE so
// gives every byte string back exactly. The other kinds turn each such byte into U+FFFD, as
// sentencepiece does, unless InvalidUtf8::keep asks for byte tokens. A byte is invalid when no
// well-formed UTF-8 character (Unicode 15, table 3-7) covers it.
#pragma once
#include "base/result.h"
#include "text/decoder.h"
#include "text/tokenizer_spec.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

class GgufFile;

// BOS, EOS and whatever else the model wants around a text.
enum class AddSpecial { as_model, never };
// Control tokens written in the text ("<|im_start|>"): tokens, or the characters they are made of.
enum class ParseSpecial { as_tokens, as_text };
enum class InvalidUtf8 { reference, keep };

struct EncodeOptions {
  AddSpecial add = AddSpecial::as_model;
  ParseSpecial parse = ParseSpecial::as_tokens;
  InvalidUtf8 invalid = InvalidUtf8::reference;
  // Places in the text, rising: a control token whose characters lie on both sides of one is text.
  // So a chat prompt says which control tokens are the template's and which a user has typed.
  std::span<const size_t> plain_at = {};
};

enum class ShowSpecial { hide, show };
// Where the decoded ids stand: at the start of a text the space that encode put in front is taken
// away again; in the middle (a model's continuation of a prompt) every space is the model's own.
enum class DecodeAt { start, middle };

struct DecodeOptions {
  ShowSpecial special = ShowSpecial::hide;
  DecodeAt at = DecodeAt::start;
};

// Immutable; every function may be called from many threads at once.
class Tokenizer {
 public:
  static Result<std::shared_ptr<const Tokenizer>> create(TokenizerSpec spec);
  // From the tokenizer.ggml.* metadata. unsupported for a kind or a pre-tokenizer that is unknown:
  // `pre_override` (a name of pre_tokenizers.inc) is the way out for the latter.
  static Result<std::shared_ptr<const Tokenizer>> from_gguf(const GgufFile& file,
                                                            std::string_view pre_override = {});
  // From the text of a tokenizer.json, with that of the tokenizer_config.json beside it if there is
  // one (it names BOS and EOS). unsupported names the component that is not known.
  static Result<std::shared_ptr<const Tokenizer>> from_json(
      std::string_view json, std::string_view config_json = {},
      const std::string& name = "tokenizer.json");
  // For a model that comes without one: n_tokens ids that stand for no text. encode fails with
  // unsupported and `why`, a whole sentence about the file.
  static Result<std::shared_ptr<const Tokenizer>> none(int64_t n_tokens, std::string why);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Time O(n log n) in the length of the text. Fails with limit when the text is 2 GiB or more or
  // when a pattern of the tokenizer needs too many steps, and with unsupported when the vocabulary
  // has neither a piece for a part of the text nor an unknown one; never otherwise.
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const;

  // Raw bytes: byte tokens are given as they are, so the result need not be UTF-8. Ids outside
  // [0, n_vocab) give nothing.
  std::string decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  // Bytes of decode() or piece() as UTF-8. What is none becomes U+FFFD, as the reference has it:
  // one for each byte where tokens stand for single bytes (<0x0A>), else one for each beginning of
  // a character.
  std::string readable(std::string_view bytes) const;

  // The bytes one token stands for, control tokens by their name; empty for an id outside.
  std::string_view piece(int32_t id) const;
  // The token whose text in the vocabulary is `text` ("<|im_end|>", "\u2581the", "Ġthe").
  std::optional<int32_t> id_of(std::string_view text) const;
  TokenType type(int32_t id) const;  // unused for an id outside
  // Hidden by decode: control tokens, and the unknown token of a byte-level or JSON tokenizer.
  bool is_special(int32_t id) const;
  // EOS, end of turn and the like: generation stops here.
  bool is_end_of_generation(int32_t id) const;

  int32_t n_vocab() const;
  int32_t bos() const;  // -1 when the model has none; so the next ones
  int32_t eos() const;
  int32_t eot() const;
  int32_t unk() const;
  int32_t pad() const;
  int32_t sep() const;
  int32_t mask() const;
  // What encode puts before and after a text with AddSpecial::as_model.
  std::span<const int32_t> prefix_ids() const;
  std::span<const int32_t> suffix_ids() const;
  const std::vector<int32_t>& end_of_generation() const;
  // A Jinja template, empty when the file has none; and those with a name of their own
  // ("tool_use"), for other kinds of chats.
  const std::string& chat_template() const;
  std::span<const NamedTemplate> named_chat_templates() const;
  // What it was made from, for writing it into another file.
  const TokenizerSpec& spec() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<const State> state);
  friend class StreamDecoder;
  // Whether decode gives anything for the id.
  bool shows(int32_t id, ShowSpecial special) const;
  DecodeWalk walk(DecodeAt at) const;

  std::unique_ptr<const State> state_;
};

// Token by token to text that is always whole characters: bytes of a character that is not complete
// yet are held back. The concatenation of all results is decode() of all ids, byte for byte; with
// Replace::invalid it is readable() instead (for JSON).
class StreamDecoder {
 public:
  enum class Replace { nothing, invalid };
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, DecodeOptions options = {},
                         Replace replace = Replace::nothing);
  // The characters that are complete now; often none.
  std::string push(int32_t id);
  // What is left, complete or not; the decoder then stands where it stood at first.
  std::string flush();

 private:
  std::string take(size_t n_bytes);
  std::shared_ptr<const Tokenizer> tokenizer_;
  DecodeOptions options_;
  Replace replace_;
  DecodeWalk walk_;
  std::string held_;
};

}  // namespace quire
