#include "tensor/dtype.h"

#include "base/check.h"

#include <strings.h>

#include <cstring>

namespace quire {
namespace {

constexpr DTypeInfo table[] = {
#define DTYPE(enumerator, id, name, block_size, block_bytes) \
  {DType::enumerator, name, block_size, block_bytes},
#include "tensor/dtypes.inc"
#undef DTYPE
};

}  // namespace

const DTypeInfo& info(DType dtype) {
  for (const DTypeInfo& row : table)
    if (row.dtype == dtype) return row;
  check_failed(__FILE__, __LINE__, "dtype is one of tensor/dtypes.inc");
}

std::optional<DType> dtype_from_id(uint32_t id) {
  for (const DTypeInfo& row : table)
    if (static_cast<uint32_t>(row.dtype) == id) return row.dtype;
  return std::nullopt;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& row : table)
    if (name.size() == std::strlen(row.name) &&
        ::strncasecmp(row.name, name.data(), name.size()) == 0)
      return row.dtype;
  return std::nullopt;
}

int64_t row_bytes(DType dtype, int64_t n) {
  const DTypeInfo& row = info(dtype);
  CHECK(n >= 0 && n % row.block_size == 0);
  return n / row.block_size * row.block_bytes;
}

}  // namespace quire
