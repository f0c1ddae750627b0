// Q4_0 and Q8_0: blocks of 32 with an f16 scale.
#define CODEC_FILE "quant/q4_0.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q4_0, BlockQ4_0)
BLOCK_CODEC(q8_0, BlockQ8_0)
}  // namespace quire
