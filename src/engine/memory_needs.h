// What a model takes in memory, computed: nothing of it is reserved or run.
//
//   weights      the file, which is mapped: its tensors and, of a vocabulary, its header
//   kv, states   keys and values of all positions, states of all sequences (device/kv_cache.h)
//   activations  the arena of a full step, activations in the formats of products, threads' scratch
//   rest         the tokenizer's tables, and the program itself
//
// The cache is touched as positions are used, so this is what a full context comes to.
#pragma once
#include "engine/runner.h"

namespace quire {

struct MemoryNeeds {
  int64_t n_ctx = 0;
  int64_t weights = 0, kv = 0, states = 0, activations = 0, rest = 0;  // bytes
  int64_t total() const { return weights + kv + states + activations + rest; }
};

// Of a runner with these options; also of more positions than the model knows.
MemoryNeeds memory_needs(const Model& model, const RunnerOptions& options);

// Positions that a sequence may reach: those wanted, or all that the model knows for 0. usage when
// that is more than it knows.
Result<int64_t> context_size(const Model& model, int64_t n_wanted);
// The cache of a runner whose sequences may reach n_ctx positions.
KvCacheShape cache_shape(const Model& model, int64_t n_ctx, const RunnerOptions& options);

// States that a runner keeps of prompts beside those of its sequences (engine/state_snapshots.h).
int32_t n_state_snapshots(const Graph& graph, const RunnerOptions& options);

// Rows of a result so wide that one step of so many rows may give.
int64_t outputs_per_step(int64_t result_width, int64_t n_rows);

}  // namespace quire
