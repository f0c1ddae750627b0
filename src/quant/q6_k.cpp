// Q6_K: blocks of 256 in 16 groups with scales of 8 bits.
#define CODEC_FILE "quant/q6_k.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q6_k, BlockQ6K)
}  // namespace quire
