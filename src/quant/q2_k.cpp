// Q2_K and Q3_K: blocks of 256 in 16 groups.
#define CODEC_FILE "quant/q2_k.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q2_k, BlockQ2K)
BLOCK_CODEC(q3_k, BlockQ3K)
}  // namespace quire
