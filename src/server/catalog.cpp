#include "server/catalog.h"

#include "format/printable.h"
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

CatalogEntry entry_of_file(const std::string& path) {
  CatalogEntry entry{.name = model_name(path), .path = path};
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    entry.bytes = static_cast<uint64_t>(status.st_size);
    entry.modified_s = status.st_mtime;
  }
  entry.key = fmt::format("{} {} {}", path, entry.bytes, entry.modified_s);
  return entry;
}

}  // namespace

CatalogEntry entry_of(const FoundModel& model) {
  CatalogEntry entry = entry_of_file(model.contents.weights);
  entry.name = model.name;
  if (model.contents.is_plain() && model.contents.licenses.empty()) return entry;
  entry.contents = std::make_shared<const ModelContents>(model.contents);
  entry.key += "\n" + modelfile_text(model.contents);
  return entry;
}

Result<void> Catalog::pull(const TransferRequest&, const OnProgress&) {
  return needs_store("pull");
}
Result<void> Catalog::push(const TransferRequest&, const OnProgress&) {
  return needs_store("push");
}
Result<void> Catalog::create(const CreateRequest&, const OnProgress&) {
  return needs_store("create");
}
Result<void> Catalog::copy(const std::string&, const std::string&) { return needs_store("copy"); }
Result<void> Catalog::remove(const std::string&) { return needs_store("delete"); }
Result<void> Catalog::find_blob(const std::string&) const { return needs_store("a blob"); }
Result<std::shared_ptr<BodySink>> Catalog::open_blob(const std::string&) {
  return needs_store("a blob");
}

Result<std::unique_ptr<FileCatalog>> FileCatalog::create(const std::vector<std::string>& models,
                                                         const std::vector<Alias>& aliases,
                                                         const FindMore& find_more) {
  auto catalog = std::make_unique<FileCatalog>();
  std::vector<CatalogEntry>& entries = catalog->entries_;
  const auto add = [&](CatalogEntry entry) {
    const auto same = [&](const CatalogEntry& other) { return other.name == entry.name; };
    if (std::none_of(entries.begin(), entries.end(), same)) entries.push_back(std::move(entry));
  };
  const auto entry_for = [&](const std::string& name) -> Result<CatalogEntry> {
    auto path = find_model(name);
    if (path) return entry_of_file(*path);
    if (path.error().fault != Fault::not_found || !find_more) return std::unexpected(path.error());
    const auto found = find_more(name);
    if (found) return entry_of(*found);
    return std::unexpected(found.error().fault == Fault::not_found ? path.error() : found.error());
  };
  for (const std::string& model : models) add(TRY(entry_for(model)));
  for (const std::string& path : bundled_models()) add(entry_of_file(path));
  for (const Alias& alias : aliases) {
    auto entry = catalog->find(alias.model);
    if (!entry && find_more) entry = entry_for(alias.model);
    if (!entry) return std::unexpected(entry.error());
    // The model is listed once, by the first name that it was given.
    const auto same = [&](const CatalogEntry& other) { return other.key == entry->key; };
    auto found = std::ranges::find_if(entries, same);
    if (found == entries.end()) found = entries.insert(entries.begin(), *entry);
    if (found->aliases.empty()) {
      found->aliases.push_back(found->name);
      found->name = alias.name;
    } else {
      found->aliases.push_back(alias.name);
    }
  }
  return catalog;
}

namespace {

// Also without ".gguf", and by what stands before the first dash.
bool has_name(const std::vector<std::string>& own, const std::string& name) {
  return std::ranges::any_of(own, [&](const std::string& one) {
    return name == one || name == one + ".gguf" || name == one.substr(0, one.find('-'));
  });
}

}  // namespace

std::vector<CatalogEntry> FileCatalog::list() const { return entries_; }

Result<CatalogEntry> FileCatalog::find(const std::string& wanted) const {
  if (wanted.empty() && !entries_.empty()) return entries_.front();
  std::string name = wanted;
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  std::string known;
  for (const CatalogEntry& entry : entries_) {
    const std::string& own = entry.name;
    if (wanted == own || name == entry.path || has_name({own}, name) ||
        has_name(entry.aliases, name))
      return entry;
    known += (known.empty() ? "" : ", ") + own;
  }
  return fail(Fault::not_found, "model '{}' not found: it does not exist here; there are: {}",
              printable(wanted, 100), known.empty() ? "none" : known);
}

}  // namespace quire::server
