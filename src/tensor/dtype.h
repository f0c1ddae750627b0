// Storage types: how the numbers of a tensor lie in memory. A row is cut into blocks of
// `block_size` elements, each stored in `block_bytes` bytes; the last dimension of a tensor is a
// whole number of blocks. Ids and names are those of the GGUF specification (ggml docs/gguf.md,
// `enum ggml_type`). Little-endian throughout.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace quire {

enum class DType : uint32_t {
#define DTYPE(enumerator, id, name, block_size, block_bytes) enumerator = id,
#include "tensor/dtypes.inc"
#undef DTYPE
};

struct DTypeInfo {
  DType dtype;
  const char* name;     // "Q8_0"
  int64_t block_size;   // elements
  int64_t block_bytes;  // bytes
  double bits_per_element() const {
    return 8.0 * static_cast<double>(block_bytes) / static_cast<double>(block_size);
  }
};

// The row of a type. `dtype` must be an enumerator.
const DTypeInfo& info(DType dtype);
// From the id stored in a file; empty when the id was never published.
std::optional<DType> dtype_from_id(uint32_t id);
// From a name, in any letter case: "q8_0".
std::optional<DType> dtype_from_name(std::string_view name);
// Bytes of a row of n elements; n must be a multiple of the block size.
int64_t row_bytes(DType dtype, int64_t n);

}  // namespace quire
