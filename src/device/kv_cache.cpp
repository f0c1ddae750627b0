#include "device/kv_cache.h"

#include "quant/codec.h"

#include <utility>

namespace quire {

namespace {

Result<void> check_type(const char* what, DType dtype, int64_t width) {
  const DTypeInfo& type = info(dtype);
  if (codec(dtype) == nullptr)
    return fail(Fault::unsupported,
                "KV cache: {} cannot be encoded and decoded here; use F16 or F32", type.name);
  if (width % type.block_size != 0)
    return fail(Fault::unsupported,
                "KV cache: {} stores {} numbers at a time, but a {} has {}; use F16 or F32",
                type.name, type.block_size, what, width);
  return {};
}

}  // namespace

KvPages KvCache::pages(int32_t layer, std::span<const int32_t> blocks, int64_t n_stored) const {
  const auto i = static_cast<size_t>(layer);
  const KvLayer& l = shape_.layers[i];
  return {.k = {memory_.data() + k_offset_[i], shape_.k_dtype, block_bytes_, l.k_width},
          .v = {memory_.data() + v_offset_[i], shape_.v_dtype, block_bytes_, l.v_width},
          .blocks = blocks,
          .n_heads = l.n_heads,
          .n_stored = n_stored};
}

std::span<std::byte> KvCache::block(int32_t id) const {
  return {memory_.data() + id * block_bytes_, static_cast<size_t>(block_bytes_)};
}

int64_t KvCache::bytes_for(const KvCacheShape& shape, int64_t n_positions) {
  int64_t n = 0;
  for (const KvLayer& layer : shape.layers)
    n += k_block_bytes(shape.k_dtype, layer.n_heads, layer.k_width) +
         v_block_bytes(shape.v_dtype, layer.n_heads, layer.v_width);
  return n * ((n_positions + kv_block_size - 1) / kv_block_size);
}

Result<KvCache> KvCache::create(const KvCacheShape& shape) {
  KvCache cache;
  cache.shape_ = shape;
  bool too_large = false;
  const auto reserve = [&](std::vector<int64_t>& offsets, int64_t n_bytes) {
    offsets.push_back(cache.block_bytes_);
    n_bytes = (n_bytes + 63) / 64 * 64;
    too_large |= __builtin_add_overflow(cache.block_bytes_, n_bytes, &cache.block_bytes_);
  };
  for (size_t i = 0; i < shape.layers.size() && !too_large; ++i) {
    const KvLayer& layer = shape.layers[i];
    TRY(check_type("key", shape.k_dtype, layer.k_width));
    TRY(check_type("value", shape.v_dtype, layer.v_width));
    reserve(cache.k_offset_, k_block_bytes(shape.k_dtype, layer.n_heads, layer.k_width));
    reserve(cache.v_offset_, v_block_bytes(shape.v_dtype, layer.n_heads, layer.v_width));
  }
  int64_t n_bytes = 0;
  too_large |= __builtin_mul_overflow(cache.block_bytes_, shape.n_blocks, &n_bytes);
  if (too_large)
    return fail(Fault::limit,
                "KV cache: {} positions in {} layers are more than can be addressed; "
                "use a smaller context",
                shape.n_blocks * kv_block_size, shape.layers.size());
  cache.memory_ = TRY(ReservedMemory::create(
      n_bytes, fmt::format("KV cache for {} positions", shape.n_blocks * kv_block_size)));
  return cache;
}

}  // namespace quire
