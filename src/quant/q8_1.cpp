// Q8_1 and Q8_K: eight bits and sums, the intermediate types of products.
#define CODEC_FILE "quant/q8_1.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(q8_1, BlockQ8_1)
BLOCK_CODEC(q8_k, BlockQ8K)
}  // namespace quire
