// Tokenizers from and to files.
#pragma once
#include "base/result.h"
#include "text/tokenizer.h"

#include <memory>
#include <string>

namespace quire {

class GgufWriter;

// From a .gguf (a whole model or only its vocabulary), a tokenizer.json, or a directory that holds
// one (with tokenizer_config.json, when present, for the names of BOS and EOS).
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& path);

// The text of a Hugging Face tokenizer.json for a byte-level BPE (kind "gpt2"); unsupported for the
// other kinds.
Result<std::string> tokenizer_json(const TokenizerSpec& spec);

// Adds the tokenizer.ggml.* metadata of any tokenizer whose words are cut by a pattern that GGUF
// has a name for (or of kind "llama"); unsupported otherwise.
Result<void> write_tokenizer_metadata(GgufWriter& writer, const TokenizerSpec& spec);

}  // namespace quire
