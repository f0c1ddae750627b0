// Q4_1, Q5_0 and Q5_1: blocks of 32 with an f16 scale, and a minimum or a fifth bit or both.
#define CODEC_FILE "quant/q4_1.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q4_1, BlockQ4_1)
BLOCK_CODEC(q5_0, BlockQ5_0)
BLOCK_CODEC(q5_1, BlockQ5_1)
}  // namespace quire
