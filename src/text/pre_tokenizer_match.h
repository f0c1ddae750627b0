// Which name of tokenizer.ggml.pre cuts the words that a tokenizer cuts, where its expressions are
// written otherwise than those of any name.
#pragma once
#include "base/result.h"
#include "text/tokenizer_spec.h"

#include <string>

namespace quire {

constexpr int n_probe_texts = 4000;

// The first name that cuts n_probe_texts texts into the same words: random ones, the same each
// time, of letters, marks, digits, punctuation, spaces and line ends of many scripts, contractions
// and their likes. Evidence, no proof: whoever uses it says so. "" when there is none.
Result<std::string> matching_pre_tokenizer(const TokenizerSpec& spec);

}  // namespace quire
