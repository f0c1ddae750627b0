#include "device/kv_cache.h"

#include "base/progress.h"
#include "quant/codec.h"

#include <sys/mman.h>

#include <utility>

namespace quire {

int64_t KvCache::block_bytes() const {
  return shape_.n_kv_heads * shape_.block_size * row_bytes(shape_.dtype, shape_.head_width);
}

int64_t KvCache::bytes_for(const KvCacheShape& shape, int64_t n_positions) {
  return 2 * shape.n_layers * shape.n_kv_heads * row_bytes(shape.dtype, shape.head_width) *
         n_positions;
}

void KvCache::Unmap::operator()(std::byte* memory) const {
  if (memory != nullptr) ::munmap(memory, n_bytes);
}

std::byte* KvCache::pool(int32_t i) const {
  return memory_.get() + static_cast<int64_t>(i) * shape_.n_blocks * block_bytes();
}

Result<KvCache> KvCache::create(const KvCacheShape& shape) {
  const DTypeInfo& type = info(shape.dtype);
  if (codec(shape.dtype) == nullptr)
    return fail(Fault::unsupported,
                "KV cache: {} cannot be encoded and decoded here; use F32 or F16", type.name);
  if (shape.head_width % type.block_size != 0)
    return fail(Fault::unsupported,
                "KV cache: {} stores {} numbers at a time, but a head has {}; use F32 or F16",
                type.name, type.block_size, shape.head_width);
  KvCache cache;
  cache.shape_ = shape;
  int64_t n_bytes = 0;
  if (__builtin_mul_overflow(cache.block_bytes() * 2, shape.n_blocks * shape.n_layers, &n_bytes))
    return fail(Fault::limit,
                "KV cache: {} positions in {} layers are more than can be addressed; "
                "use a smaller context",
                shape.n_blocks * shape.block_size, shape.n_layers);
  if (n_bytes == 0) return cache;
  // Pages are given when first written, so an unused context costs nothing.
  void* memory = ::mmap(nullptr, static_cast<size_t>(n_bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return fail(Fault::limit, "KV cache: {} for {} positions cannot be had; use a smaller context",
                format_bytes(static_cast<double>(n_bytes)), shape.n_blocks * shape.block_size);
  ::madvise(memory, static_cast<size_t>(n_bytes), MADV_HUGEPAGE);
  cache.memory_ = std::unique_ptr<std::byte[], Unmap>(static_cast<std::byte*>(memory),
                                                      Unmap{static_cast<size_t>(n_bytes)});
  return cache;
}

}  // namespace quire
