// Store: models by name on this machine.
//
//   HOME/models/manifests/HOST/NAMESPACE/MODEL/TAG    what a model consists of (JSON)
//   HOME/models/blobs/sha256-DIGEST                   the parts, each named by its SHA-256
//   HOME/models/shards/DIGEST/model-00001-of-00003.gguf    links: weights in several blobs
//
// That is the layout of Ollama, so its store is read by the same code. A manifest is written after
// its parts, and each file appears under its name complete or not at all: whatever is interrupted,
// the store is whole. A part of a model that was made from a GGUF file elsewhere is that file, in
// place: its layer has a "path".
//
// Several processes may use a store at once; removing a model that another one is creating may cost
// the latter its newest parts.
#pragma once
#include "base/result.h"
#include "store/model_ref.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace quire {

// A part of a model. The kinds are those of Ollama: "application/vnd.ollama.image.model",
// .template, .system, .params, .license, .adapter, .projector, .messages.
struct StoreLayer {
  std::string media_type;
  std::string digest;  // "sha256:..."
  uint64_t size = 0;
  std::string path;  // of a file in place, absolute; "" for a blob
};

struct Manifest {
  StoreLayer config;
  std::vector<StoreLayer> layers;
};

constexpr std::string_view layer_prefix = "application/vnd.ollama.image.";

struct StoredModel {
  ModelRef ref;
  Manifest manifest;
  int64_t modified_s = 0;      // seconds since 1970
  uint64_t size() const;       // of all parts
  std::string digest() const;  // of the manifest: changes with any part
};

class Store {
 public:
  // `root` is HOME/models; it need not exist.
  explicit Store(std::string root) : root_(std::move(root)) {}
  const std::string& root() const { return root_; }

  // All models whose manifest can be read, by name.
  std::vector<StoredModel> list() const;
  // not_found names the model; bad_format for a manifest that is damaged.
  Result<StoredModel> find(const ModelRef& ref) const;
  // Where the part is: its blob, or the file in place. not_found when it is gone.
  Result<std::string> layer_path(const StoreLayer& layer) const;
  // The GGUF file of the model, the first of several.
  Result<std::string> model_path(const StoredModel& model) const;
  std::string blob_path(std::string_view digest) const;
  bool has_blob(std::string_view digest, uint64_t size) const;

  // Adds bytes as a blob; the layer that names it.
  Result<StoreLayer> add_blob(std::string_view media_type, std::string_view bytes) const;
  // A blob that is about to become part of a model: nobody sweeps it away before.
  void keep_blob(std::string_view digest) const;
  // A path for what is being made, in the store: a file or a folder, swept away by write() when its
  // process was killed.
  std::string temporary_path(std::string_view name) const;
  // Such a file, complete, as a blob: it gets its sum as a name.
  Result<StoreLayer> adopt_blob(std::string_view media_type, const std::string& path) const;
  // Also sweeps away what processes that were killed have left half written, and blobs that no
  // model has had for a week.
  Result<void> write(const ModelRef& ref, const Manifest& manifest) const;
  // Another name for the same parts.
  Result<void> copy(const ModelRef& from, const ModelRef& to) const;
  // The name, and the parts that no other model of this store has; none of them while there is a
  // manifest that cannot be read. Files in place stay.
  Result<void> remove(const ModelRef& ref) const;

 private:
  std::string manifest_path(const ModelRef& ref) const;
  void sweep() const;
  void sweep_unused() const;
  std::optional<std::set<std::string>> used_digests() const;
  Result<std::string> link_shards(const std::vector<const StoreLayer*>& weights) const;
  std::string root_;
};

Result<Manifest> parse_manifest(std::string_view json, std::string_view name);
std::string manifest_text(const Manifest& manifest);

}  // namespace quire
