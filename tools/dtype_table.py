#!/usr/bin/env python3
"""Makes tests/golden/tensor/dtypes.txt: every tensor type the `gguf` package knows, one per line,
as `id name elements-per-block bytes-per-block`.

    python3 tools/dtype_table.py > tests/golden/tensor/dtypes.txt
"""
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

# The package counts two 32-bit floats in a Q8_1 block. The format's C header has two 16-bit halves
# there (ggml-common.h, block_q8_1, with a static_assert on the size).
CORRECTIONS = {GGMLQuantizationType.Q8_1: (32, 2 + 2 + 32)}

# Published after the package (ggml.h, ggml-common.h).
NEWER = {42: ("Q2_0", 64, 2 + 64 // 4)}

for dtype, size in sorted(GGML_QUANT_SIZES.items()):
    print(int(dtype), dtype.name, *CORRECTIONS.get(dtype, size))
for dtype, row in NEWER.items():
    print(dtype, *row)
