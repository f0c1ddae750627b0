#include "server/model_facts.h"

#include <cstdio>

namespace quire::server {
namespace {

// The number of KiB behind "NAME:" in a file of /proc, in bytes; 0 when it is not there.
int64_t proc_bytes(const char* path, const char* name) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return 0;
  char line[256];
  const std::string pattern = std::string(name) + ": %lld kB";
  long long kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::sscanf(line, pattern.c_str(), &kib) == 1) break;
  std::fclose(file);
  return int64_t{kib} * 1024;
}

}  // namespace

ModelFacts facts_of(const Model& model, const MemoryNeeds& needs) {
  ModelFacts facts{model.n_params(), "", needs};
  std::map<std::string, int64_t> n_elements;
  for (const TensorView& param : model.params())
    n_elements[info(param.dtype).name] += param.shape.n_elements();
  int64_t most = 0;
  for (const auto& [name, n] : n_elements)
    if (n > most) most = n, facts.type = name;
  return facts;
}

Result<ModelFacts> ModelFactsCache::facts(const CatalogEntry& entry, const RunnerOptions& options) {
  const std::lock_guard lock(mutex_);  // one file is read at a time
  const auto found = known_.find(entry.path);
  if (found != known_.end() && found->second.bytes == entry.bytes &&
      found->second.modified_s == entry.modified_s)
    return found->second.facts;
  const auto read = [&]() -> Result<ModelFacts> {
    const auto model = TRY(Model::load(entry.path));
    TRY(context_size(*model, options.n_ctx));
    return facts_of(*model, memory_needs(*model, options));
  };
  Known known{entry.bytes, entry.modified_s, read()};
  return known_.insert_or_assign(entry.path, std::move(known)).first->second.facts;
}

int64_t available_bytes() {
  const int64_t free = proc_bytes("/proc/meminfo", "MemAvailable");
  return free == 0 ? 0 : free + proc_bytes("/proc/self/status", "RssAnon");
}

}  // namespace quire::server
