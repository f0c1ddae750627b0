#!/usr/bin/env python3
"""Writes src/quant/grids.inc: the codebooks of the i-quants, facts of the format, in a short form.

    python3 tools/iq_grids.py > src/quant/grids.inc        (pip install gguf numpy)

A codebook is a rising list of codes: a code holds one digit per element, the first element lowest.
It is written as the distances from code to code in base 32, the lowest digit first; a digit that
is not the last of its number has 32 added. Characters are those of base 64: A-Z a-z 0-9 + /.
"""
import gguf.quants as q
import numpy as np

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def distances(codes):
    text, last = "", -1
    for code in codes:
        rest = code - last - 1
        last = code
        while rest >= 32:
            text += ALPHABET[32 + rest % 32]
            rest //= 32
        text += ALPHABET[rest]
    return text


for name, kind in (("iq2_xxs", q.IQ2_XXS), ("iq2_xs", q.IQ2_XS), ("iq2_s", q.IQ2_S),
                   ("iq3_xxs", q.IQ3_XXS), ("iq3_s", q.IQ3_S), ("iq1", q.IQ1_S)):
    kind.init_grid()
    grid = kind.grid.reshape(kind.grid_shape)
    values = sorted(set(grid.ravel()))
    assert tuple(values) == tuple(sorted(kind.grid_map))
    bits = 2 if len(values) == 3 else 3
    digits = np.searchsorted(values, grid)
    codes = [sum(int(d) << bits * j for j, d in enumerate(row)) for row in digits]
    assert codes == sorted(set(codes)), name
    text = distances(codes)
    print(f"// {len(codes)} codes of {grid.shape[1]} digits of {bits} bits.")
    print(f"constexpr char {name}_distances[] =")
    lines = [text[i:i + 92] for i in range(0, len(text), 92)]
    print("\n".join(f'    "{line}"' for line in lines) + ";")
