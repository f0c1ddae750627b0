// Q4_K and Q5_K: blocks of 256 in 8 groups with a scale and a minimum of 6 bits each.
#define CODEC_FILE "quant/q4_k.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q4_k, BlockQ4K)
BLOCK_CODEC(q5_k, BlockQ5K)
}  // namespace quire
