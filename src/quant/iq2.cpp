// IQ2_XXS, IQ2_XS and IQ2_S: rows of eight magnitudes from a codebook, with signs.
#include "quant/grids.h"

#define CODEC_FILE "quant/iq2.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(iq2_xxs, BlockIQ2XXS)
BLOCK_CODEC(iq2_xs, BlockIQ2XS)
BLOCK_CODEC(iq2_s, BlockIQ2S)
}  // namespace quire
