#include "store/create.h"

#include "base/file.h"
#include "base/sha256.h"
#include "format/printable.h"
#include "store/scratch.h"

#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <set>

namespace quire {
namespace {

namespace fs = std::filesystem;

std::string kind(std::string_view name) { return std::string(layer_prefix) + std::string(name); }

Result<void> check_gguf(const std::string& path, const std::string& name) {
  const MappedFile file = TRY(MappedFile::open(path));
  if (file.bytes().size() < 4 || std::memcmp(file.bytes().data(), "GGUF", 4) != 0)
    return fail(Fault::bad_format, "{}: this is no GGUF file", printable(name, 200));
  return {};
}

Result<StoreLayer> file_layer(std::string_view media_type, const std::string& path) {
  TRY(check_gguf(path, path));
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
         name.starts_with("~/") || name == "." || name == ".." || name.ends_with(".gguf");
}

bool is_folder_of_weights(const std::vector<NamedBlob>& files) {
  return std::ranges::any_of(files,
                             [](const NamedBlob& f) { return f.name.ends_with(".safetensors"); });
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
  Creation(const Store& store, const ModelRef& ref, const Modelfile& modelfile,
           const CreateOptions& options)
      : store_(store), ref_(ref), file_(modelfile), options_(options) {}

  Result<Manifest> run() {
    TRY(make_directories(store_.root() + "/blobs"));
    TRY(options_.weight_files.empty() ? from() : from_blobs());
    if (!options_.quantize.empty() && !made_) TRY(make_again());
    say("gathering model components");
    for (const std::string& adapter : file_.adapters) TRY(add_adapter(adapter));
    TRY(add_adapter_blobs());
    if (file_.has_template) TRY(set("template", file_.chat_template));
    if (file_.has_system) TRY(set("system", file_.system));
    if (const std::string parameters = parameters_json(file_); !parameters.empty())
      TRY(set("params", parameters));
    if (!file_.messages.empty()) TRY(set("messages", messages_json(file_.messages)));
    for (const std::string& license : file_.licenses) TRY(add("license", license));
    manifest_.config = TRY(store_.add_blob("application/vnd.docker.container.image.v1+json",
                                           R"({"model_format":"gguf"})"));
    for (const StoreLayer& layer : manifest_.layers)
      say((of_base_.contains(layer.digest) ? "using existing layer " : "creating new layer ") +
          layer.digest);
    return std::move(manifest_);
  }

 private:
  void say(std::string_view status, uint64_t done = 0, uint64_t total = 0) const {
    if (options_.on_status) options_.on_status(status, "", done, total);
  }
  bool is_cancelled() const { return options_.cancelled != nullptr && options_.cancelled->load(); }

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

  Result<StoreLayer> blob_layer(std::string_view name, const NamedBlob& blob) const {
    const std::string path = TRY(path_of(store_, blob));
    TRY(check_gguf(path, blob.name));
    std::error_code error;
    return StoreLayer{kind(name), blob.digest, fs::file_size(path, error), ""};
  }

  Result<void> from_blobs() {
    if (is_folder_of_weights(options_.weight_files)) {
      const LinkedFolder folder =
          TRY(LinkedFolder::create(store_, ref_.model, options_.weight_files));
      return folder.without_its_path(make_weights(folder.path()));
    }
    for (const NamedBlob& blob : options_.weight_files)
      manifest_.layers.push_back(TRY(blob_layer("model", blob)));
    return {};
  }

  Result<void> from() {
    const std::string& name = file_.from;
    if (name.starts_with('@')) {
      manifest_.layers.push_back(TRY(blob_layer("model", {"FROM " + name, name.substr(1)})));
      return {};
    }
    const auto ref = parse_model_ref(name);
    if (ref && !looks_like_path(name)) {
      auto base = store_.find(*ref);
      if (base) {
        manifest_.layers = base->manifest.layers;
        for (const StoreLayer& layer : manifest_.layers) of_base_.insert(layer.digest);
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

  // A file, with all those that it is one of, or a folder.
  Result<void> weights(const std::string& path) {
    if (is_directory(path) || !options_.quantize.empty()) {
      std::error_code error;
      const fs::path real = fs::canonical(path, error);  // the folder's name becomes the model's
      return make_weights(error ? path : real.string());
    }
    for (const std::string& shard : files_of_model(path))
      manifest_.layers.push_back(TRY(file_layer(kind("model"), shard)));
    return {};
  }

  // A GGUF file of the store, out of a folder or in another storage type.
  Result<void> make_weights(const std::string& from) {
    const std::string status = options_.quantize.empty()
                                   ? "converting model"
                                   : fmt::format("quantizing model to {}", options_.quantize);
    say(status);
    const Scratch scratch(store_, "weights");
    const auto notes = TRY(options_.make.weights(from, scratch.path(), options_.quantize,
                                                 [&](uint64_t done, uint64_t total) {
                                                   say(status, done, total);
                                                   return !is_cancelled();
                                                 }));
    for (const std::string& note : notes) say("note: " + note);
    manifest_.layers.push_back(TRY(store_.adopt_blob(kind("model"), scratch.path())));
    made_ = true;
    return {};
  }

  // The weights that are there already in another storage type.
  Result<void> make_again() {
    const std::string path = TRY(store_.model_path({ref_, manifest_}));
    std::erase_if(manifest_.layers,
                  [](const StoreLayer& layer) { return layer.media_type == kind("model"); });
    return make_weights(path);
  }

  Result<void> add_adapter(const std::string& adapter) {
    if (adapter.starts_with('@')) {
      manifest_.layers.push_back(
          TRY(blob_layer("adapter", {"ADAPTER " + adapter, adapter.substr(1)})));
      return {};
    }
    if (options_.files == CreateOptions::Files::refused) return refuse("ADAPTER", adapter);
    const std::string path = full(adapter);
    if (!file_exists(path))
      return fail(Fault::not_found, "ADAPTER {}: there is no such file", adapter);
    if (is_directory(path)) return make_adapter(path);
    manifest_.layers.push_back(TRY(file_layer(kind("adapter"), path)));
    return {};
  }

  Result<void> add_adapter_blobs() {
    if (is_folder_of_weights(options_.adapter_files)) {
      const LinkedFolder folder =
          TRY(LinkedFolder::create(store_, "adapter", options_.adapter_files));
      return folder.without_its_path(make_adapter(folder.path()));
    }
    for (const NamedBlob& blob : options_.adapter_files)
      manifest_.layers.push_back(TRY(blob_layer("adapter", blob)));
    return {};
  }

  Result<void> make_adapter(const std::string& from) {
    say("converting adapter");
    const Scratch scratch(store_, "adapter");
    const std::string weights = TRY(store_.model_path({ref_, manifest_}));
    TRY(options_.make.adapter(from, scratch.path(), weights));
    manifest_.layers.push_back(TRY(store_.adopt_blob(kind("adapter"), scratch.path())));
    return {};
  }

  const Store& store_;
  const ModelRef& ref_;
  const Modelfile& file_;
  const CreateOptions& options_;
  Manifest manifest_;
  std::set<std::string> of_base_;  // digests
  bool made_ = false;              // the weights are new
};

}  // namespace

Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options) {
  const Manifest manifest = TRY(Creation(store, ref, modelfile, options).run());
  if (options.on_status) options.on_status("writing manifest", "", 0, 0);
  TRY(store.write(ref, manifest));
  return store.find(ref);
}

}  // namespace quire
