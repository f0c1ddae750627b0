#include "store/create.h"

#include "base/file.h"
#include "base/sha256.h"
#include "format/printable.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>

namespace quire {
namespace {

namespace fs = std::filesystem;

std::string kind(std::string_view name) { return std::string(layer_prefix) + std::string(name); }

Result<void> check_gguf(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  if (file.bytes().size() < 4 || std::memcmp(file.bytes().data(), "GGUF", 4) != 0)
    return fail(Fault::bad_format, "{}: this is no GGUF file", path);
  return {};
}

Result<StoreLayer> file_layer(std::string_view media_type, const std::string& path) {
  TRY(check_gguf(path));
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

std::string messages_json(const std::vector<std::pair<std::string, std::string>>& messages) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [role, text] : messages) list.push_back({{"role", role}, {"content", text}});
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Creation {
 public:
  Creation(const Store& store, const Modelfile& modelfile, const CreateOptions& options)
      : store_(store), file_(modelfile), options_(options) {}

  Result<Manifest> run() {
    TRY(options_.weight_digests.empty() ? from() : from_blobs());
    for (const std::string& adapter : file_.adapters)
      manifest_.layers.push_back(TRY(adapter_layer(adapter)));
    if (file_.has_template) TRY(set("template", file_.chat_template));
    if (file_.has_system) TRY(set("system", file_.system));
    if (const std::string parameters = parameters_json(file_); !parameters.empty())
      TRY(set("params", parameters));
    if (!file_.messages.empty()) TRY(set("messages", messages_json(file_.messages)));
    for (const std::string& license : file_.licenses) TRY(add("license", license));
    manifest_.config = TRY(store_.add_blob("application/vnd.docker.container.image.v1+json",
                                           R"({"model_format":"gguf"})"));
    return std::move(manifest_);
  }

 private:
  Result<void> set(std::string_view name, std::string_view bytes) {
    replace(manifest_, TRY(store_.add_blob(kind(name), bytes)));
    return {};
  }
  Result<void> add(std::string_view name, std::string_view bytes) {
    manifest_.layers.push_back(TRY(store_.add_blob(kind(name), bytes)));
    return {};
  }
  std::string full(const std::string& path) const {
    return path.starts_with('/') || options_.folder.empty() ? path : options_.folder + "/" + path;
  }

  Result<void> refuse(std::string_view what, const std::string& path) const {
    return fail(Fault::usage,
                "{} {}: files of this machine cannot be named here; send the file as a blob "
                "(POST /api/blobs/sha256:...), or name a model",
                what, printable(path, 100));
  }

  Result<StoreLayer> blob_layer(std::string_view name, const std::string& digest) const {
    if (!is_digest(digest))
      return fail(Fault::usage, "'{}' is no digest: that is 'sha256:' and 64 hexadecimal digits",
                  printable(digest, 80));
    const std::string path = store_.blob_path(digest);
    if (!file_exists(path))
      return fail(Fault::not_found, "there is no blob {}: send it first (POST /api/blobs/{})",
                  digest, digest);
    TRY(check_gguf(path));
    std::error_code error;
    return StoreLayer{kind(name), digest, fs::file_size(path, error), ""};
  }

  Result<void> from_blobs() {
    for (const std::string& digest : options_.weight_digests)
      manifest_.layers.push_back(TRY(blob_layer("model", digest)));
    return {};
  }

  Result<void> from() {
    const std::string& name = file_.from;
    if (name.starts_with('@')) {
      manifest_.layers.push_back(TRY(blob_layer("model", name.substr(1))));
      return {};
    }
    const auto ref = parse_model_ref(name);
    if (ref && !looks_like_path(name)) {
      auto base = store_.find(*ref);
      if (base) {
        manifest_.layers = base->manifest.layers;
        return {};
      }
      if (base.error().fault != Fault::not_found) return std::unexpected(base.error());
    }
    if (options_.files == CreateOptions::Files::allowed) {
      if (const std::string path = full(name); file_exists(path)) return weights(path);
      if (looks_like_path(name))
        return fail(Fault::not_found, "FROM {}: there is no such file", name);
    } else if (looks_like_path(name)) {
      return refuse("FROM", name);
    }
    return from_contents(TRY(options_.find(name)));
  }

  // A model elsewhere: its weights stay there, the rest is copied.
  Result<void> from_contents(const ModelContents& base) {
    TRY(weights(base.weights));
    for (const std::string& adapter : base.adapters)
      manifest_.layers.push_back(TRY(file_layer(kind("adapter"), adapter)));
    if (base.chat_template) TRY(set("template", *base.chat_template));
    if (base.system) TRY(set("system", *base.system));
    if (!base.parameters.empty()) TRY(set("params", base.parameters));
    if (!base.messages.empty()) TRY(set("messages", messages_json(base.messages)));
    for (const std::string& license : base.licenses) TRY(add("license", license));
    return {};
  }

  // A file, with all those that it is one of.
  Result<void> weights(const std::string& path) {
    for (const std::string& shard : files_of_model(path))
      manifest_.layers.push_back(TRY(file_layer(kind("model"), shard)));
    return {};
  }

  Result<StoreLayer> adapter_layer(const std::string& adapter) const {
    if (adapter.starts_with('@')) return blob_layer("adapter", adapter.substr(1));
    if (options_.files == CreateOptions::Files::refused) {
      TRY(refuse("ADAPTER", adapter));
    }
    return file_layer(kind("adapter"), full(adapter));
  }

  const Store& store_;
  const Modelfile& file_;
  const CreateOptions& options_;
  Manifest manifest_;
};

}  // namespace

Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options) {
  const Manifest manifest = TRY(Creation(store, modelfile, options).run());
  TRY(store.write(ref, manifest));
  return store.find(ref);
}

}  // namespace quire
