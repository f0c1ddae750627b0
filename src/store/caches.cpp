#include "store/caches.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

// "-00002-of-00003" at the end of a stem: the number of the part and of parts; 0 when there is
// none.
struct Part {
  int number = 0, n = 0;
  size_t n_chars = 0;
};
Part part_of(std::string_view stem) {
  constexpr std::string_view shape = "-00000-of-00000";
  if (stem.size() <= shape.size()) return {};
  const std::string_view end = stem.substr(stem.size() - shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool fits = shape[i] == '0' ? end[i] >= '0' && end[i] <= '9' : end[i] == shape[i];
    if (!fits) return {};
  }
  return {std::stoi(std::string(end.substr(1, 5))), std::stoi(std::string(end.substr(10, 5))),
          shape.size()};
}

// Calls back for each GGUF file of a folder that is a model: no projector, and no later part.
template <class F>
void each_model_in(const fs::path& folder, const F& f) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() != ".gguf" || !entry->is_regular_file(error)) continue;
    const std::string stem = path.stem().string();
    const Part part = part_of(stem);
    if (part.number > 1 || stem.find("mmproj") != stem.npos) continue;
    CachedModel model;
    model.name = stem.substr(0, stem.size() - part.n_chars);
    model.path = path.string();
    for (int i = 1; i <= std::max(part.n, 1); ++i) {
      std::string file = model.path;
      if (part.n > 0)
        file = (folder / fmt::format("{}-{:05}-of-{:05}.gguf", model.name, i, part.n)).string();
      const uint64_t size = fs::file_size(file, error);
      if (!error) model.size += size;
    }
    const auto time = fs::last_write_time(path, error);
    if (!error)
      model.modified_s = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::file_clock::to_sys(time).time_since_epoch())
                             .count();
    error.clear();
    f(std::move(model));
  }
}

void add_hugging_face(std::vector<CachedModel>& models, const std::string& hub) {
  std::error_code error;
  fs::directory_iterator repo(hub, error);
  for (const fs::directory_iterator end; !error && repo != end; repo.increment(error)) {
    std::string name = repo->path().filename().string();
    if (!name.starts_with("models--")) continue;
    name.erase(0, 8);
    const size_t dashes = name.find("--");
    if (dashes == name.npos) continue;
    name.replace(dashes, 2, "/");
    std::error_code inner;
    fs::directory_iterator revision(repo->path() / "snapshots", inner);
    for (; !inner && revision != end; revision.increment(inner))
      each_model_in(revision->path(), [&](CachedModel model) {
        const std::string quantization = quantization_in(model.name);
        model.name = "hf.co/" + name + ":" + (quantization.empty() ? model.name : quantization);
        model.from = "Hugging Face";
        models.push_back(std::move(model));
      });
  }
}

}  // namespace

ShardName shard_name(std::string_view file_name) {
  if (file_name.ends_with(".gguf")) file_name.remove_suffix(5);
  const Part part = part_of(file_name);
  file_name.remove_suffix(part.n_chars);
  return {std::string(file_name), part.number, part.n};
}

std::vector<std::string> files_of_model(const std::string& path) {
  const fs::path file(path);
  const ShardName name = shard_name(file.filename().string());
  if (name.n <= 1 || !path.ends_with(".gguf")) return {path};
  std::vector<std::string> files;
  for (int i = 1; i <= name.n; ++i)
    files.push_back(
        (file.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", name.stem, i, name.n))
            .string());
  return files;
}

std::string quantization_in(std::string_view file_name) {
  if (file_name.ends_with(".gguf")) file_name.remove_suffix(5);
  file_name.remove_suffix(part_of(file_name).n_chars);
  // The last part between '-' or '.' that looks like a type: Q4_K_M, IQ2_XS, BF16, F32, MXFP4.
  while (!file_name.empty()) {
    const size_t at = file_name.find_last_of("-.");
    std::string last(at == file_name.npos ? file_name : file_name.substr(at + 1));
    std::ranges::transform(last, last.begin(), [](unsigned char c) { return std::toupper(c); });
    size_t letters = 0;
    for (const std::string_view begin : {"IQ", "TQ", "Q", "BF", "F", "MXFP", "NVFP"})
      if (last.starts_with(begin) && last.size() > begin.size() &&
          std::isdigit(static_cast<unsigned char>(last[begin.size()])) != 0)
        letters = begin.size();
    if (letters > 0) return last;
    if (at == file_name.npos) break;
    file_name = file_name.substr(0, at);
  }
  return "";
}

std::vector<CachedModel> cached_models(const CacheFolders& folders) {
  std::vector<CachedModel> models;
  if (!folders.llama_cpp.empty())
    each_model_in(folders.llama_cpp, [&](CachedModel model) {
      model.from = "llama.cpp";
      models.push_back(std::move(model));
    });
  if (!folders.hugging_face.empty()) add_hugging_face(models, folders.hugging_face);
  if (!folders.ollama.empty()) {
    const Store ollama(folders.ollama);
    for (const StoredModel& model : ollama.list()) {
      const auto path = ollama.model_path(model);
      if (path)
        models.push_back({model.ref.text(), *path, model.size(), model.modified_s, "Ollama"});
    }
  }
  std::ranges::sort(models, {}, &CachedModel::name);
  return models;
}

}  // namespace quire
