// The file of a sentencepiece model, tokenizer.model: a protobuf message (sentencepiece's
// sentencepiece_model.proto; wire format: protobuf's Encoding guide) of which these fields count:
//
//   1  pieces: 1 text, 2 score (f32), 3 type (numbered as TokenType; none: normal)
//   2  trainer: 3 model type (1 unigram, 2 BPE), 24 spaces behind words, 35 byte fallback,
//      40 to 43 ids of unk, bos, eos and pad
//   3  normalizer: 2 table of characters (charsmap.h), 3 space in front, 4 needless spaces go,
//      5 spaces become U+2581
#pragma once
#include "base/result.h"
#include "text/tokenizer_spec.h"

#include <string>
#include <string_view>

namespace quire {

// What the message says. BOS is put in front of a text where there is one, else EOS behind it.
// bad_format for what is no such message, unsupported for models of other kinds.
Result<TokenizerSpec> read_sentencepiece(std::string_view bytes, std::string name);

// What Hugging Face keeps beside it, each "" when there is none: tokenizer_config.json (names of
// special tokens, add_bos_token, add_eos_token, added_tokens_decoder, chat_template) and
// added_tokens.json (texts and ids of tokens beyond the model's own).
Result<void> add_sentencepiece_config(TokenizerSpec& spec, std::string_view config_json,
                                      std::string_view added_json);

// Of this kind, also in GGUF: pieces with U+2581 for spaces become text again.
void add_space_decoders(TokenizerSpec& spec, bool space_in_front);
// Tokens that are cut out of a text before anything else, by their types. User-defined pieces of a
// BPE are found by its own encoder, behind the space prefix.
void add_tokens_by_type(TokenizerSpec& spec);

}  // namespace quire
