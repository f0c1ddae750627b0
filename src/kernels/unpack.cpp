#include "kernels/unpack.h"

#include "kernels/simd.h"
#include "quant/blocks.h"
#include "quant/grids.h"
#include "quant/half.h"

#define SIMD_UNPACK static inline __attribute__((always_inline, unused))

namespace quire::portable {
namespace {
SIMD_UNPACK float f16(uint16_t bits) { return f16_to_f32(bits); }
#include "kernels/unpack_rows.inc"
}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/unpack_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

const Unpacking* find_unpacking(DType dtype) { return KERNEL_VERSION(find)(dtype); }

}  // namespace quire
