#include "cli/model_store.h"

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

Result<std::string> resolve_model(const std::string& name) {
  auto found = find_model(name);
  if (found.has_value() || found.error().fault != Fault::not_found) return found;
  const auto ref = parse_model_ref(name);
  if (ref) {
    const Store store = model_store();
    const auto stored = store.find(*ref);
    if (stored) return store.model_path(*stored);
    if (stored.error().fault != Fault::not_found) return std::unexpected(stored.error());
  }
  const std::string wanted = ref ? ref->text() : name;
  for (const CachedModel& model : cached_models(cache_folders()))
    if (model.name == name || model.name == wanted) return model.path;
  return found;
}

}  // namespace quire
