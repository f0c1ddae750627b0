// IQ3_XXS and IQ3_S: rows of four magnitudes from a codebook, with signs.
#include "quant/grids.h"

#define CODEC_FILE "quant/iq3.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(iq3_xxs, BlockIQ3XXS)
BLOCK_CODEC(iq3_s, BlockIQ3S)
}  // namespace quire
