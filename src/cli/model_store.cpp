#include "cli/model_store.h"

#include "base/file.h"
#include "model/find_model.h"

#include <cstdlib>

namespace quire {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string quire_home() {
  const std::string home = environment("QUIRE_HOME");
  return home.empty() ? environment("HOME") + "/.quire" : home;
}

Store model_store() { return Store(quire_home() + "/models"); }

CacheFolders cache_folders() {
  const std::string home = environment("HOME");
  std::string cache = environment("XDG_CACHE_HOME");
  if (cache.empty()) cache = home + "/.cache";
  CacheFolders folders = {environment("LLAMA_CACHE"), environment("HF_HUB_CACHE"),
                          environment("OLLAMA_MODELS")};
  if (folders.llama_cpp.empty()) folders.llama_cpp = cache + "/llama.cpp";
  if (folders.hugging_face.empty() && !environment("HF_HOME").empty())
    folders.hugging_face = environment("HF_HOME") + "/hub";
  if (folders.hugging_face.empty()) folders.hugging_face = cache + "/huggingface/hub";
  if (folders.ollama.empty()) folders.ollama = home + "/.ollama/models";
  return folders;
}

Result<ModelContents> resolve_contents(const std::string& name) {
  auto found = find_model(name);
  if (found.has_value()) return ModelContents{.weights = *found};
  if (found.error().fault != Fault::not_found) return std::unexpected(found.error());
  auto stored = find_stored(model_store(), cache_folders(), name);
  if (stored.has_value()) return std::move(stored->contents);
  if (stored.error().fault != Fault::not_found) return std::unexpected(stored.error());
  return std::unexpected(found.error());
}

Result<std::string> resolve_model(const std::string& name) {
  return std::move(TRY(resolve_contents(name)).weights);
}

HttpOptions registry_options() {
  HttpOptions options;
  options.token = environment("QUIRE_REGISTRY_TOKEN");
  options.ca_file = environment("SSL_CERT_FILE");
  return options;
}

std::vector<std::string> signing_key_files() {
  return {environment("HOME") + "/.ollama/id_ed25519", quire_home() + "/id_ed25519"};
}

DockerLogins registry_logins() {
  std::string folder = environment("DOCKER_CONFIG");
  if (folder.empty()) folder = environment("HOME") + "/.docker";
  return {.file = folder + "/config.json", .programs = environment("PATH")};
}

PullOptions pull_options() {
  PullOptions options;
  options.logins = registry_logins();
  options.key_files = signing_key_files();
  options.download.http = registry_options();
  if (const std::string hub = environment("HF_ENDPOINT"); !hub.empty()) options.hugging_face = hub;
  options.hugging_face_token = environment("HF_TOKEN");
  if (!options.hugging_face_token.empty()) return options;
  std::string home = environment("HF_HOME");
  if (home.empty()) home = environment("HOME") + "/.cache/huggingface";
  constexpr uint64_t token_bytes_max = 4096;
  if (file_exists(home + "/token"))
    if (auto token = read_file(home + "/token", token_bytes_max)) {
      while (!token->empty() && (token->back() == '\n' || token->back() == ' ')) token->pop_back();
      options.hugging_face_token = *std::move(token);
    }
  return options;
}

}  // namespace quire
