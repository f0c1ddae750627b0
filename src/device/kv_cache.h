// The KV cache: keys and values of past positions, in blocks that sequences take from one shared
// pool.
//
// A block holds kv_block_size consecutive positions of one sequence in every layer: for each layer
// the keys, then the values (kernels/kv_pages.h says how they lie), so that a block is one piece of
// memory and nothing is touched for positions that are not used. A sequence is a list of block ids
// (its block table; PagedAttention, Kwon et al. 2023, arXiv:2309.06180). Who owns which block is
// the engine's business.
#pragma once
#include "base/result.h"
#include "device/reserved_memory.h"
#include "graph/graph.h"
#include "kernels/kv_pages.h"
#include "tensor/tensor.h"

#include <cstdint>
#include <span>
#include <vector>

namespace quire {

struct KvCacheShape {
  std::vector<KvLayer> layers;
  int64_t n_blocks = 0;
  DType k_dtype = DType::f32;  // any type with a codec whose blocks divide the width of a head
  DType v_dtype = DType::f32;
};

class KvCache {
 public:
  // unsupported when a head is not a whole number of the type's blocks or it has no codec; limit
  // when it cannot be addressed. Memory is reserved at once and touched as it is used.
  static Result<KvCache> create(const KvCacheShape& shape);

  const KvCacheShape& shape() const { return shape_; }
  // The keys and values of a layer in the given blocks, of which n_stored positions are used.
  KvPages pages(int32_t layer, std::span<const int32_t> blocks, int64_t n_stored) const;
  int64_t block_bytes() const { return block_bytes_; }
  // All of a block, as it lies in memory.
  std::span<std::byte> block(int32_t id) const;
  // Bytes that whole blocks for `n_positions` positions take in all layers, K and V together.
  static int64_t bytes_for(const KvCacheShape& shape, int64_t n_positions);

 private:
  KvCacheShape shape_;
  std::vector<int64_t> k_offset_, v_offset_;  // bytes inside a block, per layer
  int64_t block_bytes_ = 0;                   // of all layers
  ReservedMemory memory_;
};

}  // namespace quire
