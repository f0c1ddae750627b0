#include "model/find_model.h"

#include "base/file.h"

#include <algorithm>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> model_folders() {
  std::vector<fs::path> folders;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    folders.push_back(program.parent_path() / ".." / "models");
    folders.push_back(program.parent_path() / ".." / "share" / "quire" / "models");
  }
  folders.emplace_back("models");
  return folders;
}

bool has_name(const std::string& path, const std::string& name) {
  const std::string own = model_name(path);
  return name == own || name == own + ".gguf" || name == own.substr(0, own.find('-'));
}

}  // namespace

std::string model_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  return name;
}

std::vector<std::string> bundled_models() {
  std::vector<std::string> paths;
  for (const fs::path& folder : model_folders()) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
      if (entry->path().extension() == ".gguf")
        found.push_back(entry->path().lexically_normal().string());
    std::sort(found.begin(), found.end());
    for (std::string& path : found) {
      const auto same = [&](const std::string& other) {
        return model_name(other) == model_name(path);
      };
      if (std::none_of(paths.begin(), paths.end(), same)) paths.push_back(std::move(path));
    }
  }
  return paths;
}

Result<std::string> find_model(const std::string& name) {
  if (name.empty()) return fail(Fault::usage, "the name of the model is empty");
  if (file_exists(name)) return name;
  std::string known;
  if (name.find('/') == std::string::npos) {
    for (const std::string& path : bundled_models()) {
      if (has_name(path, name)) return path;
      known += (known.empty() ? "" : ", ") + model_name(path);
    }
  }
  if (name.find('/') != std::string::npos) return fail(Fault::not_found, "{}: no such file", name);
  if (known.empty())
    for (const fs::path& folder : model_folders())
      known += (known.empty() ? "none in " : ", ") + folder.lexically_normal().string();
  return fail(Fault::not_found,
              "no file and no bundled model '{}'; bundled: {}; `quire list` names the others", name,
              known);
}

}  // namespace quire
