// IQ1_S and IQ1_M: rows of eight of -1, 0 and 1 from a codebook, moved by an eighth up or down.
#include "quant/grids.h"

#define CODEC_FILE "quant/iq1.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(iq1_s, BlockIQ1S)
BLOCK_CODEC(iq1_m, BlockIQ1M)
}  // namespace quire
