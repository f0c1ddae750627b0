#include "store/create.h"

#include "base/file.h"
#include "store/sha256.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

std::string kind(std::string_view name) { return std::string(layer_prefix) + std::string(name); }

Result<StoreLayer> file_layer(std::string_view media_type, const std::string& path) {
  {
    const MappedFile file = TRY(MappedFile::open(path));
    if (file.bytes().size() < 4 || std::memcmp(file.bytes().data(), "GGUF", 4) != 0)
      return fail(Fault::bad_format, "{}: this is no GGUF file", path);
  }
  StoreLayer layer;
  layer.media_type = media_type;
  layer.path = fs::absolute(path).lexically_normal().string();
  layer.digest = TRY(sha256_of_file(path));
  std::error_code error;
  layer.size = fs::file_size(path, error);
  return layer;
}

bool looks_like_path(const std::string& name) {
  return name.starts_with('/') || name.starts_with("./") || name.starts_with("../") ||
         name.starts_with("~/") || name.ends_with(".gguf");
}

void replace(Manifest& manifest, StoreLayer layer) {
  std::erase_if(manifest.layers,
                [&](const StoreLayer& other) { return other.media_type == layer.media_type; });
  manifest.layers.push_back(std::move(layer));
}

}  // namespace

Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options) {
  const auto full = [&](const std::string& path) {
    return path.starts_with('/') || options.folder.empty() ? path : options.folder + "/" + path;
  };
  Manifest manifest;
  const auto from = parse_model_ref(modelfile.from);
  auto base = from && !looks_like_path(modelfile.from)
                  ? store.find(*from)
                  : Result<StoredModel>(fail(Fault::not_found, "{}", modelfile.from));
  if (base.has_value()) {
    manifest.layers = base->manifest.layers;
  } else if (base.error().fault != Fault::not_found) {
    return base;
  } else {
    std::string path = full(modelfile.from);
    if (!file_exists(path)) {
      if (looks_like_path(modelfile.from))
        return fail(Fault::not_found, "FROM {}: there is no such file", modelfile.from);
      path = TRY(options.find_file(modelfile.from));
    }
    manifest.layers.push_back(TRY(file_layer(kind("model"), path)));
  }
  for (const std::string& adapter : modelfile.adapters)
    manifest.layers.push_back(TRY(file_layer(kind("adapter"), full(adapter))));
  if (modelfile.has_template)
    replace(manifest, TRY(store.add_blob(kind("template"), modelfile.chat_template)));
  if (modelfile.has_system)
    replace(manifest, TRY(store.add_blob(kind("system"), modelfile.system)));
  if (const std::string parameters = parameters_json(modelfile); !parameters.empty())
    replace(manifest, TRY(store.add_blob(kind("params"), parameters)));
  if (!modelfile.messages.empty()) {
    auto messages = nlohmann::ordered_json::array();
    for (const auto& [role, text] : modelfile.messages)
      messages.push_back({{"role", role}, {"content", text}});
    const std::string text =
        messages.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    replace(manifest, TRY(store.add_blob(kind("messages"), text)));
  }
  for (const std::string& license : modelfile.licenses)
    manifest.layers.push_back(TRY(store.add_blob(kind("license"), license)));
  manifest.config = TRY(store.add_blob("application/vnd.docker.container.image.v1+json",
                                       R"({"model_format":"gguf"})"));
  TRY(store.write(ref, manifest));
  return store.find(ref);
}

}  // namespace quire
