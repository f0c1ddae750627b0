// F32, F16, BF16, F64 and the whole numbers: each element by itself.
#define CODEC_FILE "quant/elements.inc"
#include "quant/codec_versions.inc"

namespace quire {

#define ELEMENT_CODEC(name, Element)                                                        \
  CODEC_VERSIONS(name, codec_portable::element_codec<codec_portable::Element>(DType::name), \
                 codec_avx2::element_codec<codec_avx2::Element>(DType::name),               \
                 codec_avx512::element_codec<codec_avx512::Element>(DType::name))
ELEMENT_CODEC(f32, ElementF32)
ELEMENT_CODEC(f16, ElementF16)
ELEMENT_CODEC(bf16, ElementBF16)
ELEMENT_CODEC(f64, ElementF64)
ELEMENT_CODEC(i8, ElementI8)
ELEMENT_CODEC(i16, ElementI16)
ELEMENT_CODEC(i32, ElementI32)
ELEMENT_CODEC(i64, ElementI64)
}  // namespace quire
