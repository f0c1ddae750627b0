// GGUF files that other programs have fetched already: they are used where they are.
//
//   llama.cpp      CACHE/*.gguf                                       name: the file's, without
//   .gguf Hugging Face   HUB/models--USER--REPO/snapshots/REVISION/*.gguf   name:
//   hf.co/USER/REPO:QUANTIZATION Ollama         MODELS/manifests/..., MODELS/blobs/... the names of
//   Ollama (store.h)
#pragma once
#include "base/result.h"
#include "store/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

struct CacheFolders {  // "" for none
  std::string llama_cpp, hugging_face, ollama;
};

struct CachedModel {
  std::string name;
  std::string path;   // of the GGUF file, the first of a model in several
  uint64_t size = 0;  // of all its files
  int64_t modified_s = 0;
  std::string from;  // "llama.cpp", "Hugging Face", "Ollama"
};

// Sorted by name. What cannot be read is left out.
std::vector<CachedModel> cached_models(const CacheFolders& folders);
// "Q4_K_M" of "model-Q4_K_M-00001-of-00002.gguf"; "" when the name has none.
std::string quantization_in(std::string_view file_name);

}  // namespace quire
