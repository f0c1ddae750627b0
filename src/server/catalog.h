// Which models there are, by name. What is on disk and what can be done with it is a catalog's
// business; which of them are loaded is the registry's (registry.h).
#pragma once
#include "base/result.h"

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
};

// Progress of a pull or a push: what is done now, how much of how much.
struct TransferProgress {
  std::string status, digest;
  uint64_t total = 0, completed = 0;
};
using OnProgress = std::function<bool(const TransferProgress&)>;  // false: stop

// Safe to call from many threads.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual std::vector<CatalogEntry> list() const = 0;
  // not_found names what there is.
  virtual Result<CatalogEntry> find(const std::string& name) const = 0;

  // Need a store; unsupported where there is none.
  virtual Result<void> pull(const std::string& name, const OnProgress& progress);
  virtual Result<void> push(const std::string& name, const OnProgress& progress);
  virtual Result<void> create(const std::string& request_json, const OnProgress& progress);
  virtual Result<void> copy(const std::string& source, const std::string& destination);
  virtual Result<void> remove(const std::string& name);
};

// Files given by path, the bundled models, and other names for them.
class FileCatalog : public Catalog {
 public:
  struct Alias {
    std::string name, model;
  };
  // The first model is the default one. not_found when one is not there.
  static Result<std::unique_ptr<FileCatalog>> create(const std::vector<std::string>& models,
                                                     const std::vector<Alias>& aliases);
  std::vector<CatalogEntry> list() const override;
  Result<CatalogEntry> find(const std::string& name) const override;

 private:
  std::vector<CatalogEntry> entries_;
};

}  // namespace quire::server
