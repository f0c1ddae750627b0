// Codecs: how a row of numbers is read from and written to a storage type (tensor/dtype.h). The
// list is quant/codecs.inc; layouts and formulas of the blocks are in quant/blocks.h.
#pragma once
#include "base/isa.h"
#include "tensor/dtype.h"

#include <cstddef>
#include <cstdint>

namespace quire {

// n is a multiple of the block size and may be 0. Block pointers need no alignment; f32 pointers
// that of float. Never fails: any bytes decode to something. Thread-safe.
struct Codec {
  DType dtype;
  // src: a row of n elements. dst (n).
  void (*decode)(const std::byte* src, float* dst, int64_t n);
  // src (n). The same bytes on every instruction set: bit for bit what ggml's reference
  // quantization writes, except for IQ1, IQ2 and IQ3, which have a search of their own. Floats keep
  // NaN and infinity; a block that holds one decodes to NaN throughout where its scale can be NaN.
  // Whole numbers, MXFP4 and NVFP4 have no NaN: it becomes zero or the largest number there is.
  void (*encode)(const float* src, std::byte* dst, int64_t n);
  // sum_i a[i] * x[i] in f32: a a row of n elements, x (n) f32. The order of the additions is fixed
  // for each version, so a version gives the same sum every time.
  float (*dot)(const std::byte* a, const float* x, int64_t n);
};

// The best version this program may use (base/isa.h); nullptr when the type has no codec.
const Codec* codec(DType dtype);
// The version for `isa`, which must not be above isa_detected(); the next lower one where the codec
// has none of its own.
const Codec* codec(DType dtype, Isa isa);

// One function per codec file; the list is quant/codecs.inc.
#define CODEC(name) const Codec& codec_##name(Isa isa);
#include "quant/codecs.inc"
#undef CODEC

}  // namespace quire
