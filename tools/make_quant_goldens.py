#!/usr/bin/env python3
"""Writes tests/golden/quant/NAME.blocks and NAME.decoded for every quantized type: blocks of random
bytes, some with scales at the edges of f16, and the f32 numbers the reference library reads there;
rows.f32, numbers of several kinds, and NAME.encoded, what the reference library writes for them;
f8_e4m3.decoded and f8_e5m2.decoded, the numbers of all 256 bytes as torch reads them.

    python3 tools/make_quant_goldens.py [LIBGGML]        (pip install llama-cpp-python numpy torch)

LIBGGML is a libggml-base.so that is newer than the package's, which does not know Q2_0.

Q8_1 has no reader in the library; it is computed here. The library refuses to write some types
without weights of importance; those are all 1 then.
"""
import ctypes
import pathlib
import sys

import numpy as np
import torch

out = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "quant"


def packaged():
    import llama_cpp
    return pathlib.Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"


ggml = ctypes.CDLL(str(sys.argv[1] if len(sys.argv) > 1 else packaged()))


class Traits(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("elements", ctypes.c_int64), ("unused", ctypes.c_int64),
                ("bytes", ctypes.c_size_t), ("quantized", ctypes.c_bool),
                ("to_float", ctypes.c_void_p), ("from_float", ctypes.c_void_p)]


ggml.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
ggml.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
Row = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

# Id, and where the f16 scales lie in a block.
TYPES = {"q4_0": (2, [0]), "q4_1": (3, [0, 2]), "q5_0": (6, [0]), "q5_1": (7, [0, 2]), "q8_0": (8, [0]),
         "q8_1": (9, [0]), "q2_k": (10, [80, 82]), "q3_k": (11, [108]), "q4_k": (12, [0, 2]),
         "q5_k": (13, [0, 2]), "q6_k": (14, [208]), "q8_k": (15, []), "iq2_xxs": (16, [0]),
         "iq2_xs": (17, [0]), "iq3_xxs": (18, [0]), "iq1_s": (19, [0]), "iq4_nl": (20, [0]),
         "iq3_s": (21, [0]), "iq2_s": (22, [0]), "iq4_xs": (23, [0]), "iq1_m": (29, []),
         "tq1_0": (34, [52]), "tq2_0": (35, [64]), "mxfp4": (39, []), "nvfp4": (40, []),
         "q1_0": (41, [0]), "q2_0": (42, [0])}


def decode(kind, blocks):
    traits = ggml.ggml_get_type_traits(kind).contents
    n = blocks.size // traits.bytes * traits.elements
    values = np.empty(n, dtype=np.float32)
    if kind == 9:
        rows = blocks.reshape(-1, 36)
        scales = np.ascontiguousarray(rows[:, :2]).view(np.float16).astype(np.float32)
        return scales * rows[:, 4:].view(np.int8).astype(np.float32)
    read = ggml.dequantize_row_q8_K if kind == 15 else Row(traits.to_float)
    if kind == 15:
        read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    read(blocks.ctypes.data, values.ctypes.data, n)
    return values


def rows():
    """Rows of 512 numbers: as weights are, scales far apart, heavy tails, zeros and constants, whole."""
    rng = np.random.default_rng(4)
    normal = lambda: rng.standard_normal(512, dtype=np.float32)
    yield normal() * np.float32(0.02)
    yield normal() * np.exp2(np.repeat(rng.uniform(-12, 8, 16), 32)).astype(np.float32)
    yield rng.standard_t(3, 512).astype(np.float32)
    yield np.concatenate([np.zeros(64), np.full(64, -2.5), np.abs(normal()[:128]),
                          np.where(rng.random(256) < 0.5, 0, normal()[:256])]).astype(np.float32)
    yield rng.integers(-8, 8, 512).astype(np.float32)


def encode(name, kind, data):
    traits = ggml.ggml_get_type_traits(kind).contents
    coded = np.zeros(data.size // traits.elements * traits.bytes, dtype=np.uint8)
    if name in ("q8_1", "q8_k"):
        write = {"q8_1": ggml.quantize_row_q8_1_ref, "q8_k": ggml.quantize_row_q8_K_ref}[name]
        write.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        write.restype = None
        write(data.ctypes.data, coded.ctypes.data, data.size)
        return coded
    needed = ggml.ggml_quantize_requires_imatrix(kind) or name == "iq1_m"
    importance = np.ones(512, dtype=np.float32)
    write = ggml.ggml_quantize_chunk
    write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [
        ctypes.c_void_p]
    write(kind, data.ctypes.data, coded.ctypes.data, 0, data.size // 512, 512,
          importance.ctypes.data if needed else None)
    return coded


if __name__ == "__main__":
    data = np.concatenate(list(rows()))
    (out / "rows.f32").write_bytes(data.tobytes())
    every_byte = torch.arange(256, dtype=torch.uint8)
    for name, dtype in (("f8_e4m3", torch.float8_e4m3fn), ("f8_e5m2", torch.float8_e5m2)):
        numbers = every_byte.view(dtype).to(torch.float32).numpy()
        (out / f"{name}.decoded").write_bytes(numbers.tobytes())
    rng = np.random.default_rng(3)
    for name, (kind, scales) in TYPES.items():
        traits = ggml.ggml_get_type_traits(kind).contents
        n = max(6, 256 // traits.elements)
        blocks = rng.integers(0, 256, (n, traits.bytes), dtype=np.uint8)
        # One, zero, the least subnormal, infinity; the others as they come.
        for row, bits in zip(blocks, (0x3C00, 0x8000, 0x0001, 0x7C00)):
            for at in scales:
                row[at], row[at + 1] = bits & 255, bits >> 8
        with np.errstate(all="ignore"):
            decoded = decode(kind, blocks)
        (out / f"{name}.blocks").write_bytes(blocks.tobytes())
        (out / f"{name}.decoded").write_bytes(decoded.tobytes())
        (out / f"{name}.encoded").write_bytes(encode(name, kind, data).tobytes())
