// Which models there are, by name. What is on disk and what can be done with it is a catalog's
// business; which of them are loaded is the registry's (registry.h).
#pragma once
#include "base/result.h"
#include "server/http.h"
#include "store/create.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace quire::server {

struct CatalogEntry {
  std::string name;  // as clients call it
  std::string path;
  uint64_t bytes = 0;
  int64_t modified_s = 0;  // since 1970
  std::string key{};       // of what is loaded: another one when any part of the model is another
  // What it carries beside its weights; null for a file.
  std::shared_ptr<const ModelContents> contents{};
  std::vector<std::string> aliases{};  // other names for it, of --alias
};

// Progress of a pull, a push or a create: what is done now, how much of how much.
struct TransferProgress {
  std::string status, digest;
  uint64_t total = 0, completed = 0;
};
using OnProgress = std::function<bool(const TransferProgress&)>;  // false: stop

struct TransferRequest {
  std::string model;
  bool insecure = false;  // a registry without TLS
};

struct CreateRequest {
  std::string model;
  Modelfile modelfile;
  std::vector<NamedBlob> files, adapters;  // blobs, files instead of FROM
  std::string quantize;                    // a type, or ""
};

// Safe to call from many threads.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual std::vector<CatalogEntry> list() const = 0;
  // not_found names what there is; usage for what cannot be a name.
  virtual Result<CatalogEntry> find(const std::string& name) const = 0;

  // Need a store; unsupported where there is none.
  virtual Result<void> pull(const TransferRequest& request, const OnProgress& progress);
  virtual Result<void> push(const TransferRequest& request, const OnProgress& progress);
  virtual Result<void> create(const CreateRequest& request, const OnProgress& progress);
  virtual Result<void> copy(const std::string& source, const std::string& destination);
  virtual Result<void> remove(const std::string& name);
  // not_found when the store has no such blob, usage for what is no digest.
  virtual Result<void> find_blob(const std::string& digest) const;
  // Takes the bytes of a blob.
  virtual Result<std::shared_ptr<BodySink>> open_blob(const std::string& digest);
};

// Files given by path, the bundled models, and other names for them.
class FileCatalog : public Catalog {
 public:
  struct Alias {
    std::string name, model;
  };
  // Where models are that are no files; not_found for a name that is none.
  using FindMore = std::function<Result<FoundModel>(const std::string& name)>;

  // The first model is the default one. not_found when one is not there.
  static Result<std::unique_ptr<FileCatalog>> create(const std::vector<std::string>& models,
                                                     const std::vector<Alias>& aliases,
                                                     const FindMore& find_more = {});
  std::vector<CatalogEntry> list() const override;
  Result<CatalogEntry> find(const std::string& name) const override;

 private:
  std::vector<CatalogEntry> entries_;
};

// The entry of a model of a store or a cache, with its size and time.
CatalogEntry entry_of(const FoundModel& model);

}  // namespace quire::server
