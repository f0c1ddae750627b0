#include "kernels/unpack.h"

#include "kernels/simd.h"
#include "quant/blocks.h"
#include "quant/grids.h"
#include "quant/half.h"

#define SIMD_UNPACK static inline __attribute__((always_inline, unused))

namespace quire::portable {
namespace {
SIMD_UNPACK float f16(uint16_t bits) { return f16_to_f32(bits); }
// The 16 low, then the 16 high nibbles of qs through a table.
SIMD_UNPACK void look_up_32(int8_t* q, const uint8_t* qs, const int8_t (&table)[16]) {
  for (int j = 0; j < 16; ++j) {
    q[j] = table[qs[j] & 15];
    q[j + 16] = table[qs[j] >> 4];
  }
}
// 32 magnitudes, the bytes of `rows` from the lowest on, negative where `signs` has a bit.
SIMD_UNPACK void put_signed_32(int8_t* q, const uint64_t (&rows)[4], uint32_t signs) {
  for (int j = 0; j < 32; ++j) {
    const int magnitude = static_cast<int>(rows[j / 8] >> 8 * (j % 8) & 255);
    q[j] = static_cast<int8_t>(signs >> j & 1 ? -magnitude : magnitude);
  }
}
#include "kernels/unpack_rows.inc"
}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/unpack_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

const Unpacking* find_unpacking(DType dtype) { return KERNEL_VERSION(find)(dtype); }

}  // namespace quire
