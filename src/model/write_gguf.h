// A model as one GGUF file: from a Hugging Face folder, or from another GGUF file (all its shards)
// with other storage types. One tensor at a time goes through memory; the file appears under its
// name complete, or not at all.
#pragma once
#include "base/function_ref.h"
#include "base/result.h"
#include "base/threads.h"
#include "model/type_mix.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quire {

struct WriteGgufOptions {
  std::optional<TypeMix> mix;  // none: every tensor keeps its type
  std::string pre = {};        // see GgufTokenizerOptions
};

struct WrittenGguf {
  uint64_t n_bytes = 0;
  std::map<std::string, int64_t> n_tensors;  // by the name of their type
  std::vector<std::string> notes;            // what the reader of the file should know
};

// Metadata is kept, a folder's made from its config.json and tokenizer.json. A folder must be a
// model that runs here; a GGUF file may be of any architecture. Vectors, norms and the like are
// f32; a tensor that is quantized already stays as it is where the type asked for has no fewer
// bits. show(done, total) is called with bytes of the result, from the calling thread; when it
// says false, the writing stops: cancelled.
Result<WrittenGguf> write_gguf(const std::string& from, const std::string& to,
                               const WriteGgufOptions& options, ThreadPool& pool,
                               FunctionRef<bool(uint64_t done, uint64_t total)> show);

// The same on all CPUs, the type by its name, "" for every tensor's own. The notes.
Result<std::vector<std::string>> make_gguf(const std::string& from, const std::string& to,
                                           const std::string& type,
                                           FunctionRef<bool(uint64_t done, uint64_t total)> show);

}  // namespace quire
