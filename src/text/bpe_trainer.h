// Trainer of byte-level byte-pair encodings (Sennrich, Haddow & Birch 2016, arXiv:1508.07909; over
// bytes: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2).
//
// The text is cut into words by a pre-tokenizer pattern; equal words are counted once. Then the
// most frequent pair of neighbouring tokens is merged again and again, until the vocabulary is full
// or no pair is left. Ties go to the pair with the smaller ids, left one first: the rule of the
// Hugging Face `tokenizers` BpeTrainer, so the merges are the same. (Its ids are the order of its
// initial alphabet; see train.) The result depends on nothing but the text and the options.
//
// Time O(n) for counting and O((w + m) log m) for merging, with w the bytes of all distinct words
// and m the pairs met.
#pragma once
#include "base/result.h"
#include "text/tokenizer_spec.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct BpeTrainerOptions {
  int32_t n_vocab = 4096;  // in all: special tokens, 256 bytes, merges
  // The first ids, in this order. Their text never occurs inside a word: it is cut out of the
  // input.
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  std::string bos, eos = "<|endoftext|>";  // names among special_tokens; "" for none
  uint64_t min_frequency = 2;              // a rarer pair is not merged
  // A name of pre_tokenizers.inc. "gpt-2" is what every reader of tokenizer files knows.
  std::string pre = "gpt-2";
  int n_threads = 0;  // for counting; 0: as many as the machine gives. The result is the same.
};

// Usage: create, add() any number of documents, train(). A document never joins words with the
// next.
class BpeTrainer {
 public:
  // usage when an option is out of range, unsupported when `pre` is unknown.
  static Result<BpeTrainer> create(BpeTrainerOptions options);
  BpeTrainer(BpeTrainer&&) noexcept;
  BpeTrainer& operator=(BpeTrainer&&) noexcept;
  ~BpeTrainer();

  Result<void> add(std::string_view document);
  // Fewer merges than asked for when the text has no more pairs; usage when there was no text.
  // Ready for Tokenizer::create, tokenizer_json() and tokenizer_metadata() (text/tokenizer_io.h):
  // special tokens, then the 256 bytes in the order of the printable byte alphabet, then merges.
  Result<TokenizerSpec> train();

  uint64_t n_bytes() const;  // added so far
  uint64_t n_words() const;  // distinct words, at most: those of each thread so far

 private:
  struct State;
  explicit BpeTrainer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quire
