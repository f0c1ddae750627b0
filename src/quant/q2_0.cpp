// Q2_0: two bits per element, the levels -1, 0, 1 and 2.
#define CODEC_FILE "quant/q2_0.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q2_0, BlockQ2_0)
}  // namespace quire
