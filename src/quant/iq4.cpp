// IQ4_NL and IQ4_XS: four bits through a table of 16 values whose steps widen away from zero.
#define CODEC_FILE "quant/iq4.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(iq4_nl, BlockIQ4NL)
BLOCK_CODEC(iq4_xs, BlockIQ4XS)
}  // namespace quire
