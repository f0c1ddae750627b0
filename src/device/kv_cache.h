// The KV cache: keys and values of past positions, in blocks that sequences take from one shared
// pool.
//
// A block holds `block_size` consecutive positions of one sequence, in every layer. In memory, for
// each layer, K and V apart, block after block, each laid out as [G][block_size][E]. A sequence is
// a list of block ids (its block table; PagedAttention, Kwon et al. 2023, arXiv:2309.06180). Who
// owns which block is the engine's business.
#pragma once
#include "base/result.h"
#include "tensor/tensor.h"

#include <cstdint>
#include <vector>

namespace quire {

struct KvCacheShape {
  int32_t n_layers = 0;
  int64_t n_kv_heads = 0;  // G
  int64_t head_width = 0;  // E
  int64_t n_blocks = 0;
  int64_t block_size = 32;   // positions in a block
  DType dtype = DType::f32;  // any type with a codec whose blocks divide E
};

class KvCache {
 public:
  // unsupported when E is not a whole number of the type's blocks or the type has no codec; limit
  // when it cannot be addressed. Memory is reserved at once and touched as it is used.
  static Result<KvCache> create(const KvCacheShape& shape);

  const KvCacheShape& shape() const { return shape_; }
  std::byte* k(int32_t layer) const { return pool(2 * layer); }  // block b at + b * block_bytes()
  std::byte* v(int32_t layer) const { return pool(2 * layer + 1); }
  int64_t block_bytes() const;  // of K or of V in one layer
  // Bytes that `n_positions` positions take in all layers, K and V together.
  static int64_t bytes_for(const KvCacheShape& shape, int64_t n_positions);

 private:
  struct Unmap {
    size_t n_bytes;
    void operator()(std::byte* memory) const;
  };
  std::byte* pool(int32_t i) const;
  KvCacheShape shape_;
  std::unique_ptr<std::byte[], Unmap> memory_{nullptr, Unmap{0}};
};

}  // namespace quire
