// Two texts as one input, as cross-encoders and natural-language-inference models read them:
//
//   BERT      [CLS] a [SEP] b [SEP]          types 0 .. 0 1 .. 1, the first [SEP] being of type 0
//   RoBERTa   <s> a </s></s> b </s>          types all 0
//
// What stands around a single text (prefix and suffix ids of the tokenizer) stands around each; the
// second has no prefix but, where the separator is RoBERTa's, another separator in front.
// Source: the pair templates of the Hugging Face `tokenizers` library.
#pragma once
#include "text/tokenizer.h"

namespace quire {

struct EncodedPair {
  std::vector<int32_t> ids;
  std::vector<int32_t> types;  // one for each id: 0, or 1 in the second text
};

// unsupported when the tokenizer puts nothing behind a text: such a model has no pairs.
Result<EncodedPair> encode_pair(const Tokenizer& tokenizer, std::string_view first,
                                std::string_view second);

}  // namespace quire
