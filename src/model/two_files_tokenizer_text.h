// The C text of the tokenizers in run.c, in the order in which it is put together;
// model/two_files_tokenizer.cpp fills the @NAME@ marks.
#pragma once

namespace quire::c_tokenizer {

extern const char* const pieces_text;  // both kinds: pieces, their data, UTF-8
extern const char* const index_text;   // SentencePiece: pieces by their text
extern const char* const byte_level_text;
extern const char* const sentencepiece_text;
extern const char* const merge_text;  // both kinds: byte-pair encoding
extern const char* const byte_level_encode_text;
extern const char* const digits_text;  // byte level, where every number is a word
extern const char* const sentencepiece_encode_text;
extern const char* const encode_text;  // both kinds: control tokens and what is put around

}  // namespace quire::c_tokenizer
