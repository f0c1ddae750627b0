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
  enum class Kind {
    nfc,
    nfd,
    nfkc,
    nfkd,
    lowercase,
    strip,
    strip_accents,
    prepend,
    replace,
    bert_clean,    // controls go, white space becomes spaces
    bert_chinese,  // spaces around ideographs
    bert_accents,  // NFD without its accents
    nmt,
    precompiled,           // a table of characters to replace, made by sentencepiece: charsmap.h
    sentencepiece_spaces,  // spaces to U+2581; left: one in front; right: no needless ones
    byte_level,            // every byte as a character of the printable alphabet
  };
  Kind kind = {};
  PatternSpec pattern = {};        // replace
  std::string text = {};           // prepend, replace: what is put in; precompiled: the table
  bool left = true, right = true;  // strip
  bool longest = false;  // precompiled: sentencepiece's way, not the Hugging Face library's
};

// What becomes of the matches of a pre-tokenizer's pattern.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

struct PreTokenizerSpec {
  enum class Kind {
    split,
    digits,
    whitespace_split,
    whitespace_words,  // runs of word characters, and of what is neither that nor white space
    punctuation,
    scripts,
    metaspace,
    prefix_space,
    byte_level,  // every byte as a character of the printable alphabet
  };
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
  enum class Kind {
    byte_level,
    replace,
    byte_fallback,
    fuse,
    strip,
    metaspace,
    wordpiece,
    bpe,
    ctc
  };
  Kind kind = {};
  // replace, with a pattern when `regex`; strip, metaspace: `from` is the character; wordpiece:
  // `from` begins a piece that goes on; bpe: `from` ends a word; ctc: `from` is nothing, `to` is
  // what stands between words.
  std::string from = {}, to = {};
  int n_start = 0, n_stop = 0;  // strip: at most so many characters at the start and at the end
  bool regex = false;           // replace
  bool cleanup = false;         // wordpiece, ctc: no space in front of punctuation
  bool drops_first = false;     // metaspace: none at all in the first piece
};

struct AddedTokenSpec {
  int32_t id = -1;
  std::string text = {};
  bool special = false;  // a control token: hidden by decode, plain text when not parsed
  bool lstrip = false, rstrip = false;  // swallows white space to its left or right
  bool single_word = false;             // matches only between non-word characters
  bool normalized = false;              // looked for after normalization
  bool model_knows = true;              // its text is also one of the model's own pieces
};

struct NamedTemplate {
  std::string name, source;
};

struct TokenizerSpec {
  std::string name = "tokenizer";  // what errors call it: a path, as a rule
  std::string kind;                // a row of tokenizer_kinds.inc
  std::string missing;  // why the model has no tokenizer: what encode says; empty when it has one
  std::string pre;      // gpt2: tokenizer.ggml.pre, kept for writing GGUF

  // One of each per id, as they stand in the file: gpt2 pieces in the printable byte alphabet,
  // llama pieces with U+2581 for a space. An id that nothing names has an empty piece of type
  // `unused`.
  std::vector<std::string> pieces;
  std::vector<float> scores;              // llama; else empty
  std::vector<double> log_probabilities;  // unigram; else empty
  std::vector<TokenType> types;
  std::vector<std::pair<std::string, std::string>> merges;  // gpt2, bpe: best first
  std::vector<AddedTokenSpec> added;

  std::vector<NormalizerSpec> normalizers;
  std::vector<PreTokenizerSpec> pre_tokenizers;
  std::vector<DecoderSpec> decoders;
  std::vector<int32_t> prefix_ids, suffix_ids;  // put around a text when special tokens are added

  bool add_space_prefix = false;          // llama: a space in front of the text
  bool remove_extra_whitespaces = false;  // llama: strip, and one space for many
  bool byte_fallback = false;             // bpe, unigram: unknown characters become <0xXX> pieces
  bool fuse_unk = false;                  // bpe, unigram: one unknown for a run of them
  std::string subword_prefix;  // bpe, wordpiece: leads every piece that does not begin a word
  std::string word_suffix;     // bpe: ends every piece that ends a word
  int32_t word_characters_max = 100;  // wordpiece: longer words are unknown
  // unigram: all pieces may be found in text, not only normal and user-defined ones
  bool any_piece = false;
  bool ignore_merges = false;  // a word that is a piece becomes that piece at once

  int32_t bos = -1, eos = -1, eot = -1, unk = -1, pad = -1;  // -1: none
  int32_t sep = -1, mask = -1;
  std::vector<int32_t> end_of_generation;  // eos and eot are added to these
  std::vector<std::string> notes;          // what the user should know about how the file was read
  std::string chat_template;               // as in the file, for the layers above
  std::vector<NamedTemplate> named_chat_templates;
};

}  // namespace quire
