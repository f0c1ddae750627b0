// What keys and values depend on besides the tokens: weights, architecture, rotary frequencies,
// types of the cache, rounding of products. Blocks on disk are kept apart by it
// (engine/block_store.h).
//
// Weights are known by their names, shapes and types, by a sample of each, and by the size and the
// time of change of the model's file: reading all of them would take longer than the prompts that
// are to be saved.
#pragma once
#include "device/kv_cache.h"
#include "engine/prefix_key.h"
#include "kernels/quantized_rows.h"
#include "model/model.h"

namespace quire {

// graph: the one that runs (Model::graph_for()).
PrefixKey cache_identity(const Model& model, const Graph& graph, const KvCacheShape& shape,
                         Precision precision);

}  // namespace quire
