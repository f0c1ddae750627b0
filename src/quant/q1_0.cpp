// Q1_0: one bit per element, its sign.
#define CODEC_FILE "quant/q1_0.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q1_0, BlockQ1_0)
}  // namespace quire
