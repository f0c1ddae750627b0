// What is known of models that need not be loaded: sizes, types, and whether they would fit.
#pragma once
#include "engine/memory_needs.h"
#include "server/catalog.h"

#include <map>
#include <mutex>
#include <string>

namespace quire::server {

struct ModelFacts {
  int64_t n_params = 0;
  std::string type;  // the one that most numbers are stored in: "Q4_0"
  MemoryNeeds needs;
};

// Facts of files, read once as long as a file does not change. Safe to call from many threads.
class ModelFactsCache {
 public:
  // Errors are those of Model::load and of a runner with these options.
  Result<ModelFacts> facts(const CatalogEntry& entry, const RunnerOptions& options);

 private:
  struct Known {
    uint64_t bytes = 0;
    int64_t modified_s = 0;
    Result<ModelFacts> facts;
  };
  std::mutex mutex_;
  std::map<std::string, Known> known_;  // by path
};

ModelFacts facts_of(const Model& model, const MemoryNeeds& needs);

// Bytes that models of this process could have: what the machine has free and what they have now.
// 0 where /proc does not say.
int64_t available_bytes();

}  // namespace quire::server
