#include "kernels/int8_few_rows.h"

#include "kernels/simd.h"
#include "quant/blocks.h"
#include "quant/grids.h"

#include <algorithm>
#include <utility>

namespace quire::portable {
namespace {

bool few_rows(Int8Panels&, const FewRowsProduct&) { return false; }

}  // namespace
}  // namespace quire::portable

#define SIMD_FILE "kernels/int8_few_rows_simd.inc"
#include "kernels/simd_versions.inc"

namespace quire {

bool multiply_few_rows(Int8Panels& panels, const FewRowsProduct& product) {
  CHECK(product.m >= 2);
  return KERNEL_VERSION(few_rows)(panels, product);
}

}  // namespace quire
