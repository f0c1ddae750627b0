#include "quant/codec.h"

#include "base/check.h"

namespace quire {

const Codec* codec(DType dtype, Isa isa) {
  CHECK(isa <= isa_detected());
  switch (dtype) {
#define CODEC(name) \
  case DType::name: \
    return &codec_##name(isa);
#include "quant/codecs.inc"
#undef CODEC
    default:
      return nullptr;
  }
}

const Codec* codec(DType dtype) { return codec(dtype, isa()); }

}  // namespace quire
