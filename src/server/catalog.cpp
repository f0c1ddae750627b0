#include "server/catalog.h"

#include "model/find_model.h"

#include <sys/stat.h>

#include <algorithm>

namespace quire::server {
namespace {

std::unexpected<Error> needs_store(const char* what) {
  return fail(Fault::unsupported,
              "{} needs a model store, and this server serves files only: give it the models as "
              "arguments",
              what);
}

CatalogEntry entry_of(const std::string& path) {
  CatalogEntry entry{.name = model_name(path), .path = path};
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    entry.bytes = static_cast<uint64_t>(status.st_size);
    entry.modified_s = status.st_mtime;
  }
  return entry;
}

}  // namespace

Result<void> Catalog::pull(const std::string&, const OnProgress&) { return needs_store("pull"); }
Result<void> Catalog::push(const std::string&, const OnProgress&) { return needs_store("push"); }
Result<void> Catalog::create(const std::string&, const OnProgress&) {
  return needs_store("create");
}
Result<void> Catalog::copy(const std::string&, const std::string&) { return needs_store("copy"); }
Result<void> Catalog::remove(const std::string&) { return needs_store("delete"); }

Result<std::unique_ptr<FileCatalog>> FileCatalog::create(const std::vector<std::string>& models,
                                                         const std::vector<Alias>& aliases) {
  auto catalog = std::make_unique<FileCatalog>();
  std::vector<CatalogEntry>& entries = catalog->entries_;
  const auto add = [&](CatalogEntry entry) {
    const auto same = [&](const CatalogEntry& other) { return other.name == entry.name; };
    if (std::none_of(entries.begin(), entries.end(), same)) entries.push_back(std::move(entry));
  };
  for (const std::string& model : models) add(entry_of(TRY(find_model(model))));
  for (const std::string& path : bundled_models()) add(entry_of(path));
  for (const Alias& alias : aliases) {
    CatalogEntry entry = TRY(catalog->find(alias.model));
    entry.name = alias.name;
    // An alias comes first, so that clients are shown the name they were given.
    entries.insert(entries.begin(), std::move(entry));
  }
  return catalog;
}

std::vector<CatalogEntry> FileCatalog::list() const { return entries_; }

Result<CatalogEntry> FileCatalog::find(const std::string& wanted) const {
  if (wanted.empty() && !entries_.empty()) return entries_.front();
  std::string name = wanted;
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  std::string known;
  for (const CatalogEntry& entry : entries_) {
    const std::string& own = entry.name;
    if (name == own || name == own + ".gguf" || name == entry.path ||
        name == own.substr(0, own.find('-')))
      return entry;
    known += (known.empty() ? "" : ", ") + own;
  }
  return fail(Fault::not_found, "the model '{}' does not exist here; there are: {}",
              wanted.substr(0, 100), known.empty() ? "none" : known);
}

}  // namespace quire::server
