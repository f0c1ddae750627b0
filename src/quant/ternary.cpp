// TQ1_0 and TQ2_0: -d, 0 and d.
#define CODEC_FILE "quant/ternary.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(tq1_0, BlockTQ1_0)
BLOCK_CODEC(tq2_0, BlockTQ2_0)
}  // namespace quire
