// Where models are on this machine: the store (QUIRE_HOME, else ~/.quire) and the caches of
// llama.cpp (LLAMA_CACHE), Hugging Face (HF_HUB_CACHE, HF_HOME) and Ollama (OLLAMA_MODELS).
#pragma once
#include "base/result.h"
#include "store/contents.h"
#include "store/pull.h"

#include <string>

namespace quire {

// The folder of all that this program keeps for its user: QUIRE_HOME, else ~/.quire.
std::string quire_home();
Store model_store();
CacheFolders cache_folders();
// The GGUF file of a name: a file or a bundled model (model/find_model.h), else a model of the
// store, else one in a cache. The error is that of find_model, with a way out.
Result<std::string> resolve_model(const std::string& name);
// The same with what a model of the store carries beside its weights.
Result<ModelContents> resolve_contents(const std::string& name);
// The token of a registry (QUIRE_REGISTRY_TOKEN) and certificates to trust (SSL_CERT_FILE).
HttpOptions registry_options();
// Where the key is that Ollama's registry knows its user by: that of Ollama itself, else a file
// beside the store, which is made when it is needed (store/signing_key.h).
std::vector<std::string> signing_key_files();
// Where Docker keeps names and passwords of registries: DOCKER_CONFIG, else ~/.docker.
DockerLogins registry_logins();
// These, and Hugging Face's address (HF_ENDPOINT) and token: HF_TOKEN, else what its login keeps in
// HF_HOME/token, else ~/.cache/huggingface/token.
PullOptions pull_options();
// The value of an environment variable; "" without one.
std::string environment(const char* name);

}  // namespace quire
