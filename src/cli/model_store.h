// Where models are on this machine: the store (QUIRE_HOME, else ~/.quire) and the caches of
// llama.cpp (LLAMA_CACHE), Hugging Face (HF_HUB_CACHE, HF_HOME) and Ollama (OLLAMA_MODELS).
#pragma once
#include "base/result.h"
#include "store/caches.h"
#include "store/store.h"

#include <string>

namespace quire {

// The folder of all that this program keeps for its user: QUIRE_HOME, else ~/.quire.
std::string quire_home();
Store model_store();
CacheFolders cache_folders();
// The GGUF file of a name: a file or a bundled model (model/find_model.h), else a model of the
// store, else one in a cache. The error is that of find_model, with a way out.
Result<std::string> resolve_model(const std::string& name);
// The value of an environment variable; "" without one.
std::string environment(const char* name);

}  // namespace quire
