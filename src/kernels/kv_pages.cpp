#include "kernels/kv_pages.h"

#include "quant/codec.h"

#include <algorithm>
#include <cstring>

namespace quire {
namespace {

int64_t n_pairs(int64_t width) { return (width + 1) / 2; }
int64_t element_bytes(DType dtype) { return dtype == DType::f32 ? 4 : 2; }

int64_t k_head_bytes(DType dtype, int64_t width) {
  if (kv_keys_in_pairs(dtype)) return 2 * n_pairs(width) * kv_block_size * element_bytes(dtype);
  return kv_block_size * row_bytes(dtype, width);
}
int64_t v_head_bytes(DType dtype, int64_t width) { return kv_block_size * row_bytes(dtype, width); }

std::byte* block_of(const KvPages& pages, const KvPool& pool, int64_t head_bytes, int64_t head,
                    int64_t position) {
  const int32_t block = pages.blocks[static_cast<size_t>(position / kv_block_size)];
  return pool.data + block * pool.block_stride + head * head_bytes;
}

// A key encoded as a row takes its place among the pairs of its block.
template <class Pair>
void scatter_pairs(std::byte* block, int64_t row, const std::byte* key, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    std::memcpy(block + (i * kv_block_size + row) * static_cast<int64_t>(sizeof(Pair)),
                key + i * static_cast<int64_t>(sizeof(Pair)), sizeof(Pair));
}

constexpr int64_t piece = 128;  // elements encoded at a time, on the stack

void store_key(const KvPool& pool, std::byte* block, int64_t row, const float* key) {
  if (!kv_keys_in_pairs(pool.dtype)) {
    codec(pool.dtype)->encode(key, block + row * row_bytes(pool.dtype, pool.width), pool.width);
    return;
  }
  const int64_t bytes = element_bytes(pool.dtype);
  for (int64_t e = 0; e < pool.width; e += piece) {
    const int64_t n = std::min(piece, pool.width - e);
    alignas(64) std::byte encoded[piece * 4];
    codec(pool.dtype)->encode(key + e, encoded, n);
    if (n % 2 != 0) std::memset(encoded + n * bytes, 0, static_cast<size_t>(bytes));
    std::byte* to = block + e * kv_block_size * bytes;
    if (pool.dtype == DType::f32)
      scatter_pairs<uint64_t>(to, row, encoded, n_pairs(n));
    else
      scatter_pairs<uint32_t>(to, row, encoded, n_pairs(n));
  }
}

}  // namespace

bool kv_keys_in_pairs(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

int64_t k_block_bytes(DType dtype, int64_t n_heads, int64_t width) {
  return n_heads * k_head_bytes(dtype, width);
}
int64_t v_block_bytes(DType dtype, int64_t n_heads, int64_t width) {
  return n_heads * v_head_bytes(dtype, width);
}

void check_pages(const KvPages& pages) {
  CHECK(pages.n_heads > 0);
  for (const KvPool& pool : {pages.k, pages.v})
    CHECK(codec(pool.dtype) != nullptr && pool.width > 0 &&
          pool.width % info(pool.dtype).block_size == 0);
  CHECK(pages.k.block_stride >= k_block_bytes(pages.k.dtype, pages.n_heads, pages.k.width));
  CHECK(pages.v.block_stride >= v_block_bytes(pages.v.dtype, pages.n_heads, pages.v.width));
  CHECK(pages.n_stored <= static_cast<int64_t>(pages.blocks.size()) * kv_block_size);
}

const std::byte* k_block(const KvPages& pages, int64_t head, int64_t position) {
  return block_of(pages, pages.k, k_head_bytes(pages.k.dtype, pages.k.width), head, position);
}
const std::byte* v_block(const KvPages& pages, int64_t head, int64_t position) {
  return block_of(pages, pages.v, v_head_bytes(pages.v.dtype, pages.v.width), head, position);
}

void kv_store(const KvPages& pages, Heads<const float> k, Heads<const float> v,
              View<const int32_t, 1> positions) {
  check_pages(pages);
  CHECK(k.n == positions.dim(0) && v.n == k.n);
  CHECK(k.n_heads == pages.n_heads && k.width == pages.k.width);
  CHECK(v.n_heads == pages.n_heads && v.width == pages.v.width);
  const int64_t n_positions = static_cast<int64_t>(pages.blocks.size()) * kv_block_size;
  const int64_t k_bytes = k_head_bytes(pages.k.dtype, pages.k.width);
  const int64_t v_bytes = v_head_bytes(pages.v.dtype, pages.v.width);
  const int64_t v_row = row_bytes(pages.v.dtype, pages.v.width);
  for (int64_t t = 0; t < k.n; ++t) {
    CHECK(positions(t) >= 0 && positions(t) < n_positions);
    const int64_t row = positions(t) % kv_block_size;
    for (int64_t g = 0; g < pages.n_heads; ++g) {
      store_key(pages.k, block_of(pages, pages.k, k_bytes, g, positions(t)), row, k.head(t, g));
      codec(pages.v.dtype)
          ->encode(v.head(t, g), block_of(pages, pages.v, v_bytes, g, positions(t)) + row * v_row,
                   pages.v.width);
    }
  }
}

}  // namespace quire
