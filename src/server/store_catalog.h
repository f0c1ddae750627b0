// Files and the models of a store and of the caches of llama.cpp, Hugging Face and Ollama: all that
// can be named, fetched, made and removed.
#pragma once
#include "server/catalog.h"
#include "store/pull.h"
#include "store/push.h"

namespace quire::server {

struct StoreCatalogOptions {
  std::string store;  // its folder (store/store.h)
  CacheFolders caches;
  PullOptions pull;  // without what a request says
  PushOptions push;
};

class StoreCatalog : public Catalog {
 public:
  StoreCatalog(std::unique_ptr<FileCatalog> files, StoreCatalogOptions options)
      : files_(std::move(files)), options_(std::move(options)), store_(options_.store) {}

  std::vector<CatalogEntry> list() const override;
  // A file, else a model of the store, else one of a cache.
  Result<CatalogEntry> find(const std::string& name) const override;
  Result<void> pull(const TransferRequest& request, const OnProgress& progress) override;
  Result<void> push(const TransferRequest& request, const OnProgress& progress) override;
  Result<void> create(const CreateRequest& request, const OnProgress& progress) override;
  Result<void> copy(const std::string& source, const std::string& destination) override;
  Result<void> remove(const std::string& name) override;
  Result<void> find_blob(const std::string& digest) const override;
  Result<std::shared_ptr<BodySink>> open_blob(const std::string& digest) override;

 private:
  std::unique_ptr<FileCatalog> files_;
  StoreCatalogOptions options_;
  Store store_;
};

}  // namespace quire::server
