// MXFP4 and NVFP4: FP4 E2M1 with a scale that is a power of two or an FP8.
#define CODEC_FILE "quant/fp4.inc"
#include "quant/codec_versions.inc"

namespace quire {
BLOCK_CODEC(mxfp4, BlockMXFP4)
BLOCK_CODEC(nvfp4, BlockNVFP4)
}  // namespace quire
