#include "server/store_catalog.h"

#include "base/file.h"
#include "format/printable.h"
#include "model/write_adapter.h"
#include "model/write_gguf.h"
#include "store/blob_writer.h"

#include <atomic>
#include <chrono>
#include <set>

namespace quire::server {
namespace {

// Hands on what a transfer says: each new step, its end, and now and then how far it is. What
// follows "success" is the caller's to say.
class TransferTeller {
 public:
  explicit TransferTeller(const OnProgress& tell) : tell_(tell) {}

  PullOptions::OnStatus callback() {
    return [this](std::string_view status, std::string_view digest, uint64_t n, uint64_t total) {
      take(status, digest, n, total);
    };
  }
  const std::atomic<bool>* cancelled() const { return &cancelled_; }

 private:
  void take(std::string_view status, std::string_view digest, uint64_t n, uint64_t total) {
    if (status == "success" || cancelled_) return;
    const auto now = std::chrono::steady_clock::now();
    if (status == last_ && n < total && now - told_ < std::chrono::milliseconds(100)) return;
    told_ = now;
    last_ = status;
    if (!tell_({std::string(status), std::string(digest), total, n})) cancelled_ = true;
  }

  const OnProgress& tell_;
  std::atomic<bool> cancelled_ = false;
  std::string last_;
  std::chrono::steady_clock::time_point told_;
};

class BlobSink : public BodySink {
 public:
  explicit BlobSink(BlobWriter writer) : writer_(std::move(writer)) {}
  Result<void> take(std::string_view bytes) override { return writer_.write(bytes); }
  Result<void> finish() override { return writer_.finish(); }

 private:
  BlobWriter writer_;
};

}  // namespace

std::vector<CatalogEntry> StoreCatalog::list() const {
  std::vector<CatalogEntry> entries = files_->list();
  std::set<std::string> names;
  for (const CatalogEntry& entry : entries) names.insert(entry.name);
  const auto add = [&](const Store& store, const StoredModel& model) {
    auto contents = read_contents(store, model);
    if (!contents || !names.insert(model.ref.text()).second) return;
    entries.push_back(entry_of({model.ref.text(), *std::move(contents)}));
    entries.back().bytes = model.size();
    entries.back().modified_s = model.modified_s;
  };
  for (const StoredModel& model : store_.list()) add(store_, model);
  if (!options_.caches.ollama.empty()) {
    const Store ollama(options_.caches.ollama);
    for (const StoredModel& model : ollama.list()) add(ollama, model);
  }
  for (const CachedModel& model :
       cached_models({options_.caches.llama_cpp, options_.caches.hugging_face, ""})) {
    if (!names.insert(model.name).second) continue;
    entries.push_back(entry_of({model.name, {.weights = model.path}}));
    entries.back().bytes = model.size;
  }
  return entries;
}

Result<CatalogEntry> StoreCatalog::find(const std::string& name) const {
  auto file = files_->find(name);
  if (file || file.error().fault != Fault::not_found) return file;
  const auto found = find_stored(store_, options_.caches, name);
  if (found) return entry_of(*found);
  if (found.error().fault != Fault::not_found) return std::unexpected(found.error());
  TRY(parse_model_ref(name));
  std::string known;
  constexpr size_t n_named_max = 20;
  const auto entries = list();
  for (size_t i = 0; i < std::min(entries.size(), n_named_max); ++i)
    known += (known.empty() ? "" : ", ") + entries[i].name;
  if (entries.size() > n_named_max) known += ", ...";
  return fail(Fault::not_found, "model '{}' not found: it does not exist here; there are: {}",
              printable(name, 100), known.empty() ? "none" : known);
}

Result<void> StoreCatalog::pull(const TransferRequest& request, const OnProgress& tell) {
  const ModelRef ref = TRY(parse_model_ref(request.model));
  TransferTeller progress(tell);
  PullOptions options = options_.pull;
  options.allow_http |= request.insecure;
  options.on_status = progress.callback();
  options.download.http.cancelled = progress.cancelled();
  TRY(pull_model(store_, ref, options));
  return {};
}

Result<void> StoreCatalog::push(const TransferRequest& request, const OnProgress& tell) {
  const ModelRef ref = TRY(parse_model_ref(request.model));
  TransferTeller progress(tell);
  PushOptions options = options_.push;
  options.allow_http |= request.insecure;
  options.on_status = progress.callback();
  options.http.cancelled = progress.cancelled();
  return push_model(store_, ref, options);
}

Result<void> StoreCatalog::create(const CreateRequest& request, const OnProgress& tell) {
  const ModelRef ref = TRY(parse_model_ref(request.model));
  TransferTeller progress(tell);
  CreateOptions options;
  options.files = CreateOptions::Files::refused;
  options.weight_files = request.files;
  options.adapter_files = request.adapters;
  options.quantize = request.quantize;
  options.make = {make_gguf, make_gguf_lora};
  options.on_status = progress.callback();
  options.cancelled = progress.cancelled();
  options.find = [this](const std::string& name) -> Result<ModelContents> {
    const CatalogEntry entry = TRY(find(name));
    return entry.contents ? *entry.contents : ModelContents{.weights = entry.path};
  };
  TRY(create_model(store_, ref, request.modelfile, options));
  return {};
}

Result<void> StoreCatalog::copy(const std::string& source, const std::string& destination) {
  const ModelRef to = TRY(parse_model_ref(destination));
  const ModelRef from = TRY(parse_model_ref(source));
  const auto stored = store_.find(from);
  if (stored) return store_.write(to, stored->manifest);
  if (stored.error().fault != Fault::not_found) return std::unexpected(stored.error());
  // A file or a model of a cache gets a name in the store.
  CreateRequest request;
  request.model = destination;
  request.modelfile.from = source;
  return create(request, [](const TransferProgress&) { return true; });
}

Result<void> StoreCatalog::remove(const std::string& name) {
  const ModelRef ref = TRY(parse_model_ref(name));
  auto removed = store_.remove(ref);
  if (removed.has_value() || removed.error().fault != Fault::not_found || !find(name).has_value())
    return removed;
  return fail(Fault::usage,
              "'{}' is no model of the store but a file in its place ({}): it is not removed here",
              printable(name, 100), find(name)->path);
}

Result<void> StoreCatalog::find_blob(const std::string& digest) const {
  if (!is_digest(digest))
    return fail(Fault::usage, "'{}' is no digest: that is 'sha256:' and 64 hexadecimal digits",
                printable(digest, 80));
  if (!file_exists(store_.blob_path(digest)))
    return fail(Fault::not_found, "there is no blob {}", digest);
  return {};
}

Result<std::shared_ptr<BodySink>> StoreCatalog::open_blob(const std::string& digest) {
  return std::make_shared<BlobSink>(TRY(BlobWriter::open(store_, digest)));
}

}  // namespace quire::server
