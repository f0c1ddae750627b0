// Tokenizers from and to files.
#pragma once
#include "base/result.h"
#include "text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace quire {

class GgufWriter;

// From a .gguf (a whole model or only its vocabulary), a tokenizer.json (with the
// tokenizer_config.json beside it, when present, for the names of BOS and EOS), a sentencepiece
// .model by itself, or a folder: read_tokenizer_folder().
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& path);

// tokenizer.json of a Hugging Face model folder, else its tokenizer.model (text/sentencepiece.h),
// with what stands beside it: tokenizer_config.json (names of BOS and EOS, chat template),
// chat_template.jinja, and the ids that end a text in generation_config.json and config.json.
// not_found without either.
Result<TokenizerSpec> read_tokenizer_folder(const std::string& folder);
bool has_tokenizer(const std::string& folder);
constexpr const char* no_tokenizer = "no tokenizer.json and no tokenizer.model";

// The text of a tokenizer.json and of the tokenizer_config.json beside it ("" when there is none).
Result<TokenizerSpec> read_tokenizer_json(std::string_view json_text, std::string_view config_json,
                                          const std::string& name);

// The text of a Hugging Face tokenizer.json for a byte-level BPE (kind "gpt2"); unsupported for the
// other kinds.
Result<std::string> tokenizer_json(const TokenizerSpec& spec);

struct GgufTokenizerOptions {
  // Rows of the embedding: ids beyond the vocabulary become unused tokens, as readers of GGUF count
  // the one by the other. 0: as many as the vocabulary has.
  int64_t n_vocab = 0;
  std::string pre = {};  // a name of pre_tokenizers.inc in place of the one whose pattern is found
};
// Adds the tokenizer.ggml.* metadata. GGUF has four kinds, into which these fit:
//   gpt2   byte-level BPE whose words are cut by a pattern that GGUF has a name for
//   llama  SentencePiece BPE; character BPE with byte tokens whose merges are those that scores of
//          pieces give (tokenizer.json of Llama 2, Mistral, Gemma, Phi-3)
//   t5     Unigram
//   bert   WordPiece behind BERT's normalizer
// Returns what readers of the file will do differently, a sentence each; unsupported, with the
// reason, where ids would be wrong.
Result<std::vector<std::string>> write_tokenizer_metadata(GgufWriter& writer,
                                                          const TokenizerSpec& spec,
                                                          const GgufTokenizerOptions& options = {});

}  // namespace quire
