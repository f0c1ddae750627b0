// The tokenizer of a two-file model: C text that encodes and decodes, and the data it reads.
#pragma once
#include "base/result.h"
#include "text/tokenizer.h"

#include <string>

namespace quire {

struct CTokenizer {
  std::string program;  // defines load_tokenizer(), encode(), print_token(), is_end()
  std::string format;   // lines of the header comment: what `data` is made of
  std::string data;
  const char* kind = "";  // for people: "byte-level BPE"
};

// n_vocab: V of the model, at least that of the tokenizer. unsupported names what has no C text:
// kinds other than "gpt2" and "llama", patterns other than those of GPT-2 (alone or after single
// digits), normalizers, added tokens that swallow white space.
Result<CTokenizer> emit_tokenizer(const Tokenizer& tokenizer, int64_t n_vocab);

}  // namespace quire
