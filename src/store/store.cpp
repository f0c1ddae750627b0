#include "store/store.h"

#include "base/file.h"
#include "base/sha256.h"
#include "format/json.h"
#include "format/printable.h"

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <csignal>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace quire {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t manifest_bytes_max = 4 << 20;
constexpr size_t n_layers_max = 1000;

Result<StoreLayer> parse_layer(const json& value, std::string_view name) {
  const auto wrong = [&](std::string_view what) {
    return fail(Fault::bad_format, "{}: a layer of the manifest has {}", name, what);
  };
  if (!value.is_object()) return wrong("no members");
  StoreLayer layer;
  for (const auto& [key, field] :
       {std::pair("mediaType", &layer.media_type), std::pair("digest", &layer.digest),
        std::pair("path", &layer.path)})
    if (const auto at = value.find(key); at != value.end()) {
      if (!at->is_string()) return wrong("a member that is no string");
      *field = at->get<std::string>();
    }
  // Written as sha256:... in registries.
  if (!is_digest(layer.digest)) return wrong("no digest 'sha256:...'");
  const auto size = value.find("size");
  if (size == value.end() || !size->is_number_unsigned()) return wrong("no size");
  layer.size = size->get<uint64_t>();
  if (layer.size > uint64_t{1} << 50) return wrong("a size beyond 1 PiB");
  return layer;
}

std::string shards_folder(const std::string& root, std::string_view digest) {
  return root + "/shards/" + std::string(digest.substr(digest.find(':') + 1));
}

// What AtomicFile leaves behind when its process is killed.
bool is_temporary(std::string_view name) { return name.find(".tmp-") != name.npos; }

}  // namespace

std::string StoredModel::digest() const { return sha256_of(manifest_text(manifest)); }

uint64_t StoredModel::size() const {
  uint64_t sum = manifest.config.size;
  for (const StoreLayer& layer : manifest.layers) sum += layer.size;
  return sum;
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view name) {
  const json document = TRY(parse_json(text, name));
  const auto layers = document.is_object() ? document.find("layers") : document.end();
  if (!document.is_object() || layers == document.end() || !layers->is_array())
    return fail(Fault::bad_format, "{}: this is no manifest: it has no layers", name);
  if (layers->size() > n_layers_max)
    return fail(Fault::limit, "{}: a manifest of {} layers, at most {} are supported", name,
                layers->size(), n_layers_max);
  Manifest manifest;
  if (const auto config = document.find("config"); config != document.end() && config->is_object())
    manifest.config = TRY(parse_layer(*config, name));
  for (const json& layer : *layers) manifest.layers.push_back(TRY(parse_layer(layer, name)));
  return manifest;
}

std::string manifest_text(const Manifest& manifest) {
  const auto written = [](const StoreLayer& layer) {
    nlohmann::ordered_json value = {
        {"mediaType", layer.media_type}, {"digest", layer.digest}, {"size", layer.size}};
    if (!layer.path.empty()) value["path"] = layer.path;
    return value;
  };
  nlohmann::ordered_json document = {
      {"schemaVersion", 2}, {"mediaType", "application/vnd.docker.distribution.manifest.v2+json"}};
  if (!manifest.config.digest.empty()) document["config"] = written(manifest.config);
  document["layers"] = nlohmann::ordered_json::array();
  for (const StoreLayer& layer : manifest.layers) document["layers"].push_back(written(layer));
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string Store::manifest_path(const ModelRef& ref) const {
  return root_ + "/manifests/" + ref.path();
}

std::string Store::blob_path(std::string_view digest) const {
  std::string name(digest);
  std::ranges::replace(name, ':', '-');
  return root_ + "/blobs/" + name;
}

bool Store::has_blob(std::string_view digest, uint64_t size) const {
  std::error_code error;
  const uint64_t there = fs::file_size(blob_path(digest), error);
  return !error && there == size;
}

std::vector<StoredModel> Store::list() const {
  std::vector<StoredModel> models;
  std::error_code error;
  const fs::path root = root_ + "/manifests";
  fs::recursive_directory_iterator entry(root, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    // HOST/NAMESPACE/MODEL/TAG
    if (entry.depth() != 3 || !entry->is_regular_file(error)) continue;
    if (is_temporary(entry->path().filename().string())) continue;
    std::string name = entry->path().lexically_relative(root).string();
    name[name.rfind('/')] = ':';
    const size_t plus = name.find('+');
    if (plus != name.npos && plus < name.find('/')) name[plus] = ':';
    const auto ref = parse_model_ref(name);
    if (!ref) continue;
    auto model = find(*ref);
    if (model) models.push_back(std::move(*model));
  }
  std::ranges::sort(models, {}, [](const StoredModel& m) { return m.ref.text(); });
  return models;
}

Result<StoredModel> Store::find(const ModelRef& ref) const {
  const std::string path = manifest_path(ref);
  if (!file_exists(path) || is_directory(path))
    return fail(Fault::not_found, "there is no model '{}'; `quire list` shows those that are there",
                ref.text());
  StoredModel model;
  model.ref = ref;
  const std::string text = TRY(read_file(path, manifest_bytes_max));
  model.manifest = TRY(parse_manifest(text, path));
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (!error)
    model.modified_s = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::file_clock::to_sys(time).time_since_epoch())
                           .count();
  return model;
}

Result<std::string> Store::layer_path(const StoreLayer& layer) const {
  std::string path = layer.path.empty() ? blob_path(layer.digest) : layer.path;
  if (!file_exists(path))
    return fail(Fault::not_found,
                "{}: this file of a model is gone: pull or create the model again", path);
  return path;
}

Result<std::string> Store::model_path(const StoredModel& model) const {
  std::vector<const StoreLayer*> weights;
  for (const StoreLayer& layer : model.manifest.layers)
    if (layer.media_type == std::string(layer_prefix) + "model") weights.push_back(&layer);
  if (weights.empty())
    return fail(Fault::bad_format, "model '{}' has no weights in it", model.ref.text());
  // Files in place have names that say which belong together.
  if (weights.size() == 1 || !weights[0]->path.empty()) return layer_path(*weights[0]);
  return link_shards(weights);
}

// GGUF files of one model find each other by their names; blobs have none, so links give them some.
Result<std::string> Store::link_shards(const std::vector<const StoreLayer*>& weights) const {
  const std::string folder = shards_folder(root_, weights[0]->digest);
  TRY(make_directories(folder));
  std::string first;
  for (size_t i = 0; i < weights.size(); ++i) {
    const std::string blob = fs::absolute(TRY(layer_path(*weights[i]))).string();
    const std::string link =
        fmt::format("{}/model-{:05}-of-{:05}.gguf", folder, i + 1, weights.size());
    std::error_code error;
    if (fs::read_symlink(link, error) != blob) {
      fs::remove(link, error);
      fs::create_symlink(blob, link, error);
      // Another process may have made it just now.
      if (std::error_code other; error && fs::read_symlink(link, other) != blob)
        return fail(Fault::io, "{}: cannot make the link: {}", link, error.message());
    }
    if (i == 0) first = link;
  }
  return first;
}

Result<StoreLayer> Store::add_blob(std::string_view media_type, std::string_view bytes) const {
  StoreLayer layer = {std::string(media_type), sha256_of(bytes), bytes.size(), ""};
  TRY(make_directories(root_ + "/blobs"));
  if (!has_blob(layer.digest, layer.size))
    TRY(write_file(blob_path(layer.digest), bytes));
  else
    keep_blob(layer.digest);
  return layer;
}

void Store::keep_blob(std::string_view digest) const {
  std::error_code error;
  fs::last_write_time(blob_path(digest), fs::file_time_type::clock::now(), error);
}

std::string Store::temporary_path(std::string_view name) const {
  static std::atomic<int> n_made = 0;
  return fmt::format("{}/blobs/{}.tmp-{}-{}", root_, name, ::getpid(), ++n_made);
}

Result<StoreLayer> Store::adopt_blob(std::string_view media_type, const std::string& path) const {
  StoreLayer layer = {std::string(media_type), TRY(sha256_of_file(path)), 0, ""};
  std::error_code error;
  layer.size = fs::file_size(path, error);
  if (!error) fs::rename(path, blob_path(layer.digest), error);
  if (error) return fail(Fault::io, "{}: cannot become a blob: {}", path, error.message());
  return layer;
}

Result<void> Store::write(const ModelRef& ref, const Manifest& manifest) const {
  const std::string path = manifest_path(ref);
  TRY(make_directories(path.substr(0, path.rfind('/'))));
  TRY(write_file(path, manifest_text(manifest)));
  sweep();
  sweep_unused();
  return {};
}

// All digests that models have; none when a manifest cannot be read, for it may have any.
std::optional<std::set<std::string>> Store::used_digests() const {
  std::set<std::string> used;
  std::error_code error;
  fs::recursive_directory_iterator entry(root_ + "/manifests", error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!entry->is_regular_file(error) || is_temporary(path)) continue;
    const auto text = read_file(path, manifest_bytes_max);
    const auto manifest = text ? parse_manifest(*text, path) : std::unexpected(text.error());
    if (!manifest) return std::nullopt;
    used.insert(manifest->config.digest);
    for (const StoreLayer& layer : manifest->layers) used.insert(layer.digest);
  }
  if (error) return std::nullopt;
  return used;
}

// What was sent for a model that was never made, or made into other files.
void Store::sweep_unused() const {
  const auto used = used_digests();
  if (!used) return;
  constexpr auto kept = std::chrono::hours(7 * 24);  // a pull may be resumed days later
  std::error_code error;
  std::vector<fs::path> left;
  fs::directory_iterator entry(root_ + "/blobs", error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::string digest = entry->path().filename().string();
    if (const size_t dash = digest.find('-'); dash != digest.npos) digest[dash] = ':';
    std::error_code unknown;
    const auto age = fs::file_time_type::clock::now() - entry->last_write_time(unknown);
    if (is_digest(digest) && !unknown && age > kept && !used->contains(digest))
      left.push_back(entry->path());
  }
  for (const fs::path& path : left) fs::remove(path, error);
}

void Store::sweep() const {
  std::error_code error;
  std::vector<fs::path> left;
  for (const char* folder : {"/blobs", "/manifests"}) {
    fs::recursive_directory_iterator entry(root_ + folder, error);
    for (const fs::recursive_directory_iterator end; !error && entry != end;
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      const size_t at = name.find(".tmp-");
      if (at == name.npos) continue;
      const long pid = std::strtol(name.c_str() + at + 5, nullptr, 10);
      // A process of another machine or container, which this one cannot see, may be writing now.
      std::error_code unknown;
      const auto age = fs::file_time_type::clock::now() - entry->last_write_time(unknown);
      if (!unknown && age > std::chrono::hours(1) && pid > 0 &&
          ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH)
        left.push_back(entry->path());
    }
    error.clear();
  }
  for (const fs::path& path : left) fs::remove_all(path, error);
}

Result<void> Store::copy(const ModelRef& from, const ModelRef& to) const {
  return write(to, TRY(find(from)).manifest);
}

Result<void> Store::remove(const ModelRef& ref) const {
  const StoredModel model = TRY(find(ref));
  std::error_code error;
  const fs::path path = manifest_path(ref);
  if (!fs::remove(path, error))
    return fail(Fault::io, "{}: cannot remove: {}", path.string(), error.message());
  // Folders that are empty now, up to that of the manifests.
  fs::path folder = path.parent_path();
  for (int level = 0; level < 3 && fs::is_empty(folder, error) && !error; ++level) {
    fs::remove(folder, error);
    folder = folder.parent_path();
  }
  const auto used = used_digests();
  if (!used) return {};  // a model that cannot be read may have them, too
  std::vector<StoreLayer> parts = model.manifest.layers;
  parts.push_back(model.manifest.config);
  for (const StoreLayer& part : parts)
    if (!part.digest.empty() && part.path.empty() && !used->contains(part.digest)) {
      fs::remove(blob_path(part.digest), error);
      fs::remove_all(shards_folder(root_, part.digest), error);
    }
  return {};
}

}  // namespace quire
