// What a tokenizer is made of, as plain data: filled from GGUF metadata (tokenizer_gguf.cpp), from
// a Hugging Face tokenizer.json (tokenizer_json.cpp) or by the trainer, and read by
// Tokenizer::create.
//
// Text becomes ids in this order (the order of the Hugging Face `tokenizers` library):
//   added tokens with normalized=false are cut out of the text
//   -> normalizers -> added tokens with normalized=true are cut out
//   -> pre-tokenizers cut the rest into words -> the kind turns each word into ids
//   -> prefix and suffix ids (BOS, EOS) are put around everything.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace quire {

// Numbered as tokenizer.ggml.token_type in GGUF.
enum class TokenType : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// Something to look for in text.
struct PatternSpec {
  enum class Syntax { literal, regex };
  Syntax syntax = Syntax::literal;
  std::string text = {};
};

struct NormalizerSpec {
  enum class Kind { nfc, nfd, nfkc, nfkd, lowercase, strip, prepend, replace };
  Kind kind = {};
  PatternSpec pattern = {};        // replace
  std::string text = {};           // prepend, replace: what is put in
  bool left = true, right = true;  // strip
};

// What becomes of the matches of a pre-tokenizer's pattern.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

struct PreTokenizerSpec {
  enum class Kind { split, digits, whitespace_split, punctuation, metaspace, prefix_space };
  enum class Prepend { always, first, never };
  Kind kind = {};
  SplitBehavior behavior = SplitBehavior::isolated;  // split, punctuation, digits
  PatternSpec pattern = {};                          // split
  bool invert = false;                // split: what lies between the matches is the match
  bool split = true;                  // metaspace: also cut before each replacement character
  Prepend prepend = Prepend::always;  // metaspace
  std::string replacement = "\xE2\x96\x81";  // metaspace: what stands for a space (U+2581)
};

// How pieces become text. Steps before `fuse` act on every piece, those after it on the whole text.
struct DecoderSpec {
  enum class Kind { byte_level, replace, byte_fallback, fuse, strip };
  Kind kind = {};
  std::string from = {}, to = {};  // replace; strip: `from` is the character
  int n_start = 0, n_stop = 0;     // strip: at most so many characters at the start and at the end
};

struct AddedTokenSpec {
  int32_t id = -1;
  std::string text = {};
  bool special = false;  // a control token: hidden by decode, plain text when not parsed
  bool lstrip = false, rstrip = false;  // swallows white space to its left or right
  bool single_word = false;             // matches only between non-word characters
  bool normalized = false;              // looked for after normalization
};

struct TokenizerSpec {
  std::string name = "tokenizer";  // what errors call it: a path, as a rule
  std::string kind;                // a row of tokenizer_kinds.inc: "gpt2", "llama", "bpe"
  std::string pre;                 // gpt2: tokenizer.ggml.pre, kept for writing GGUF

  // One of each per id, as they stand in the file: gpt2 pieces in the printable byte alphabet,
  // llama pieces with U+2581 for a space. An id that nothing names has an empty piece of type
  // `unused`.
  std::vector<std::string> pieces;
  std::vector<float> scores;  // llama; else empty
  std::vector<TokenType> types;
  std::vector<std::pair<std::string, std::string>> merges;  // gpt2, bpe: best first
  std::vector<AddedTokenSpec> added;

  std::vector<NormalizerSpec> normalizers;
  std::vector<PreTokenizerSpec> pre_tokenizers;
  std::vector<DecoderSpec> decoders;
  std::vector<int32_t> prefix_ids, suffix_ids;  // put around a text when special tokens are added

  bool add_space_prefix = false;          // llama: a space in front of the text
  bool remove_extra_whitespaces = false;  // llama: strip, and one space for many
  bool byte_fallback = false;             // bpe: unknown characters become <0xXX> pieces
  bool fuse_unk = false;                  // bpe: one unknown for a run of them
  bool ignore_merges = false;             // a word that is a piece becomes that piece at once

  int32_t bos = -1, eos = -1, eot = -1, unk = -1, pad = -1;  // -1: none
  std::vector<int32_t> end_of_generation;                    // eos and eot are added to these
  std::string chat_template;                                 // as in the file, for the layers above
};

}  // namespace quire
