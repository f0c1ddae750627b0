// Keys and values of past positions as attention reads them: pages of kv_block_size positions.
//
// Keys of f32, f16 and bf16 lie as (G, ceil(E/2), kv_block_size, 2): positions side by side, so
// that the scores of many positions are made at once without adding up across a vector, and two
// elements of a key together, as instructions for half-precision products take them. An odd E is
// filled with a zero. Keys of other types lie in rows, (G, kv_block_size, E), and so do values,
// (G, kv_block_size, Ev).
// Kwon et al. 2023, arXiv:2309.06180 (pages).
#pragma once
#include "kernels/rows.h"
#include "tensor/dtype.h"

namespace quire {

// Positions in a block: a row of pairs fills two cache lines in f16, and a block of one head (64
// elements of f16) a page of memory.
constexpr int64_t kv_block_size = 32;

// Keys, or values, of all sequences in one layer: block b starts at data + b * block_stride.
struct KvPool {
  std::byte* data = nullptr;
  DType dtype = DType::f32;  // any with a codec whose block size divides the width
  int64_t block_stride = 0;  // bytes
  int64_t width = 0;         // E of keys, Ev of values
};

// The keys and values of one sequence in one layer. Position s is row s % kv_block_size of block
// blocks[s / kv_block_size].
struct KvPages {
  KvPool k, v;
  std::span<const int32_t> blocks{};
  int64_t n_heads = 0;   // G
  int64_t n_stored = 0;  // positions that hold something; only bidirectional queries ask
};

// Whether keys of this type lie in pairs.
bool kv_keys_in_pairs(DType dtype);
// Bytes of one block of keys, and of values, of one layer.
int64_t k_block_bytes(DType dtype, int64_t n_heads, int64_t width);
int64_t v_block_bytes(DType dtype, int64_t n_heads, int64_t width);

// CHECKs that types and strides fit.
void check_pages(const KvPages& pages);
// Where the block that holds `position` starts for one head.
const std::byte* k_block(const KvPages& pages, int64_t head, int64_t position);
const std::byte* v_block(const KvPages& pages, int64_t head, int64_t position);

// Writes k (T, G, E) and v (T, G, Ev) into the cache at positions (T), each within the blocks
// given: CHECKed. Split by rows.
void kv_store(const KvPages& pages, Heads<const float> k, Heads<const float> v,
              View<const int32_t, 1> positions);

}  // namespace quire
