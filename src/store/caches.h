// GGUF files that other programs have fetched already: they are used where they are.
//
//   llama.cpp      CACHE/NAME.gguf
//   Hugging Face   HUB/models--USER--REPO/snapshots/REVISION/*.gguf, named hf.co/USER/REPO:Q4_K_M
//   Ollama         MODELS/manifests/..., MODELS/blobs/..., named as there (store.h)
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
// All files of a model of which this is one (NAME-00001-of-00003.gguf), in order; else itself.
std::vector<std::string> files_of_model(const std::string& path);
// Of a file name without its folder: "NAME", 1 and 3 of "NAME-00001-of-00003.gguf"; n = 0 for a
// file alone.
struct ShardName {
  std::string stem;
  int number = 0, n = 0;
};
ShardName shard_name(std::string_view file_name);
// "Q4_K_M" of "model-Q4_K_M-00001-of-00002.gguf"; "" when the name has none.
std::string quantization_in(std::string_view file_name);

}  // namespace quire
