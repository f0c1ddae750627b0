// Tokenizers from and to files.
#pragma once
#include "base/result.h"
#include "text/tokenizer.h"

#include <memory>
#include <string>

namespace quire {

class GgufWriter;

// From a .gguf (a whole model or only its vocabulary), a tokenizer.json (with the
// tokenizer_config.json beside it, when present, for the names of BOS and EOS), or a folder:
// read_tokenizer_folder().
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& path);

// tokenizer.json of a Hugging Face model folder, with what stands beside it: tokenizer_config.json
// (names of BOS and EOS, chat template), chat_template.jinja, and the ids that end a text in
// generation_config.json and config.json. not_found without a tokenizer.json.
Result<TokenizerSpec> read_tokenizer_folder(const std::string& folder);

// The text of a tokenizer.json and of the tokenizer_config.json beside it ("" when there is none).
Result<TokenizerSpec> read_tokenizer_json(std::string_view json_text, std::string_view config_json,
                                          std::string name);

// The text of a Hugging Face tokenizer.json for a byte-level BPE (kind "gpt2"); unsupported for the
// other kinds.
Result<std::string> tokenizer_json(const TokenizerSpec& spec);

// Adds the tokenizer.ggml.* metadata of any tokenizer whose words are cut by a pattern that GGUF
// has a name for (or of kind "llama"); unsupported otherwise.
Result<void> write_tokenizer_metadata(GgufWriter& writer, const TokenizerSpec& spec);

}  // namespace quire
