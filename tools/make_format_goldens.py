#!/usr/bin/env python3
"""Writes tests/golden/format and tests/golden/quant: small files made by the reference packages
gguf, safetensors and torch, and what is in them, for the tests of src/format and src/quant. Also
the first seeds, whole and damaged, of the fuzz targets gguf, safetensors and json.

    python3 tools/make_format_goldens.py        (pip install gguf safetensors torch numpy)
"""
import json
import pathlib
import struct

import gguf
import numpy as np
import safetensors.torch
import torch

root = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
out = root / "format"
T = gguf.GGUFValueType
Q = gguf.GGMLQuantizationType


def metadata():
    """Every value type, at its limits where it has any: (key, value, type, element type)."""
    yield "t.u8", 255, T.UINT8, None
    yield "t.i8", -128, T.INT8, None
    yield "t.u16", 65535, T.UINT16, None
    yield "t.i16", -32768, T.INT16, None
    yield "t.u32", 4294967295, T.UINT32, None
    yield "t.i32", -2147483648, T.INT32, None
    yield "t.f32", 0.1, T.FLOAT32, None
    yield "t.u64", 18446744073709551615, T.UINT64, None
    yield "t.i64", -9223372036854775808, T.INT64, None
    yield "t.f64", 0.1, T.FLOAT64, None
    yield "t.bool", True, T.BOOL, None
    yield "t.string", "naïve 猫\n", T.STRING, None
    yield "t.empty", "", T.STRING, None
    yield "a.u8", [0, 128, 255], T.ARRAY, T.UINT8
    yield "a.i8", [-128, 0, 127], T.ARRAY, T.INT8
    yield "a.u16", [0, 65535], T.ARRAY, T.UINT16
    yield "a.i16", [-32768, 32767], T.ARRAY, T.INT16
    yield "a.u32", [0, 4294967295], T.ARRAY, T.UINT32
    yield "a.i32", [-2147483648, 2147483647], T.ARRAY, T.INT32
    yield "a.f32", [0.0, -0.5, 1e30], T.ARRAY, T.FLOAT32
    yield "a.u64", [0, 18446744073709551615], T.ARRAY, T.UINT64
    yield "a.i64", [-9223372036854775808, 9223372036854775807], T.ARRAY, T.INT64
    yield "a.f64", [0.1, -1e300], T.ARRAY, T.FLOAT64
    yield "a.bool", [True, False, True], T.ARRAY, T.BOOL
    yield "a.string", ["", "a", "žluť", "<|end|>"], T.ARRAY, T.STRING


def tensors():
    rng = np.random.default_rng(1)
    numbers = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    yield "rank1", numbers(5), Q.F32
    yield "rank2", numbers(3, 5), Q.F32
    yield "rank3", numbers(2, 3, 5), Q.F32
    yield "rank4", numbers(2, 1, 3, 5), Q.F32
    yield "half", numbers(3, 7), Q.F16
    yield "bfloat", numbers(3, 7), Q.BF16
    yield "eight", numbers(2, 64), Q.Q8_0
    yield "four", numbers(2, 64), Q.Q4_0
    yield "i8", np.arange(-3, 4, dtype=np.int8), Q.I8
    yield "i16", np.arange(-3, 4, dtype=np.int16), Q.I16
    yield "i32", np.arange(-3, 4, dtype=np.int32), Q.I32
    yield "i64", np.arange(-3, 4, dtype=np.int64), Q.I64
    yield "f64", rng.standard_normal(7), Q.F64
    # A type without a codec, as raw bytes: it must be recognised all the same.
    yield "k", rng.integers(0, 256, (2, 144), dtype=np.uint8), Q.Q4_K


def add_tensors(writer, expected):
    for name, array, kind in tensors():
        if kind in (Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0):
            data = gguf.quants.quantize(array, kind)
        else:
            data = array
        raw = kind if data.dtype == np.uint8 or kind == Q.BF16 else None
        writer.add_tensor(name, data, raw_dtype=raw)
        shape = (2, 256) if kind == Q.Q4_K else array.shape
        expected.append({"name": name, "dtype": kind.name, "shape": list(shape),
                         "hex": data.tobytes().hex()})


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_gguf(name, alignment=None):
    writer = gguf.GGUFWriter(out / name, "test")
    if alignment:
        writer.add_custom_alignment(alignment)
    for key, value, kind, element in metadata():
        writer.add_key_value(key, value, kind, element)
    expected = []
    add_tensors(writer, expected)
    write(writer)
    return expected


def make_split():
    writer = gguf.GGUFWriter(out / "split.gguf", "test", split_max_tensors=5)
    add_tensors(writer, [])
    write(writer)


def make_codecs():
    rng = np.random.default_rng(2)
    blocks = []
    for power in range(-30, 22, 2):  # from scales that underflow an f16 to ones that overflow it
        blocks.append(rng.standard_normal(32).astype(np.float32) * np.float32(2.0**power))
    blocks.append(np.zeros(32, dtype=np.float32))
    blocks.append(-np.zeros(32, dtype=np.float32))
    blocks.append(np.full(32, -3.5, dtype=np.float32))
    for sign in (1, -1):  # two elements of the same magnitude: the first decides
        block = rng.uniform(-1, 1, 32).astype(np.float32)
        block[5], block[20] = sign * 2, -sign * 2
        blocks.append(block)
    # Halves: quotients that end in exactly .5
    blocks.append(np.append(np.arange(-15.5, 15.5, 1), 127).astype(np.float32))
    blocks.append(np.append(np.arange(-7.75, 7.75, 0.5), -8).astype(np.float32))
    for _ in range(15):
        blocks.append(rng.uniform(-1, 1, 32).astype(np.float32))
    # Every tie and edge of the 16-bit floats: neighbours of representable values and of midpoints.
    bits = rng.integers(0, 0x7f800000, 512, dtype=np.uint32)
    bits[::4] = (bits[::4] & 0xffffe000) | 0x1000
    bits[1::4] = (bits[1::4] & 0xffff0000) | 0x8000
    bits[2::8] = 0x33000000 + rng.integers(0, 0x5000000, 64, dtype=np.uint32)  # f16 subnormals
    bits[::2] |= 0x80000000
    edges = bits.view(np.float32)
    data = np.concatenate(blocks)
    folder = root / "quant"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input.f32").write_bytes(data.tobytes())
    (folder / "edges.f32").write_bytes(edges.tobytes())
    with np.errstate(over="ignore", invalid="ignore"):
        for kind in (Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0):
            packed = gguf.quants.quantize(data.reshape(1, -1), kind)
            plain = gguf.quants.dequantize(packed, kind)
            (folder / f"input.{kind.name.lower()}").write_bytes(packed.tobytes())
            (folder / f"decoded_{kind.name.lower()}.f32").write_bytes(
                plain.astype(np.float32).tobytes())
        for kind in (Q.F16, Q.BF16):
            packed = gguf.quants.quantize(edges.reshape(1, -1), kind)
            (folder / f"edges.{kind.name.lower()}").write_bytes(packed.tobytes())


def make_safetensors():
    torch.manual_seed(3)
    named = {
        "f64": torch.randn(3, dtype=torch.float64),
        "f32": torch.randn(2, 3),
        "f16": torch.randn(2, 3).half(),
        "bf16": torch.randn(5).bfloat16(),
        "i64": torch.arange(-2, 3),
        "i32": torch.arange(-2, 3, dtype=torch.int32),
        "i16": torch.arange(-2, 3, dtype=torch.int16),
        "i8": torch.arange(-2, 3, dtype=torch.int8),
        "u8": torch.arange(0, 5, dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "f8_e4m3": torch.randn(4).to(torch.float8_e4m3fn),
        "f8_e5m2": torch.randn(4).to(torch.float8_e5m2),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 4),
        "rank5": torch.randn(1, 2, 1, 2, 1),
        'na"me 猫': torch.randn(1),
    }
    safetensors.torch.save_file(named, out / "types.safetensors",
                                metadata={"format": "pt", "note": "žluť"})
    expected = {}
    for name, tensor in named.items():
        raw = tensor.contiguous().view(torch.uint8) if tensor.dim() else tensor.reshape(1).view(
            torch.uint8)
        expected[name] = {"shape": list(tensor.shape), "hex": raw.numpy().tobytes().hex()}
    folder = out / "sharded"
    folder.mkdir(exist_ok=True)
    shards = {"model-00001-of-00002.safetensors": ["f32", "i8"],
              "model-00002-of-00002.safetensors": ["f16", "scalar"]}
    weight_map = {}
    for shard, names in shards.items():
        safetensors.torch.save_file({n: named[n] for n in names}, folder / shard,
                                    metadata={"format": "pt"})
        weight_map |= {n: shard for n in names}
    index = {"metadata": {"total_size": 53}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return expected


def gguf_bytes(n_tensors, n_keys, rest=b"", version=3):
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_keys) + rest


def gguf_string(text):
    return struct.pack("<Q", len(text)) + text


def gguf_tensor(name, dims, kind, offset):
    return (gguf_string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
            + struct.pack("<IQ", kind, offset))


def gguf_seeds():
    pad = lambda data: data + b"\0" * (-len(data) % 32)
    key = lambda kind, value, name=b"k": gguf_string(name) + struct.pack("<I", kind) + value
    u32, u64 = (lambda v: struct.pack("<I", v)), (lambda v: struct.pack("<Q", v))
    one = gguf_bytes(1, 0, gguf_tensor(b"t", [4, 2], 0, 0))
    yield "one_tensor", pad(one) + b"x" * 32
    yield "two_tensors", pad(gguf_bytes(2, 0, gguf_tensor(b"a", [32], 8, 0) + gguf_tensor(
        b"b", [8], 0, 64))) + b"x" * 96
    yield "overlap", pad(gguf_bytes(2, 0, gguf_tensor(b"a", [32], 8, 0) + gguf_tensor(
        b"b", [8], 0, 32))) + b"x" * 64
    yield "past_end", pad(one)
    yield "huge_offset", pad(gguf_bytes(1, 0, gguf_tensor(b"t", [8], 0, 2**64 - 32))) + b"x" * 64
    yield "huge_product", gguf_bytes(1, 0, gguf_tensor(b"t", [2**32, 2**32], 0, 0))
    yield "huge_empty", gguf_bytes(1, 0, gguf_tensor(b"t", [2**62, 0, 2**62], 0, 0))
    yield "five_dims", gguf_bytes(1, 0, gguf_tensor(b"t", [1] * 5, 0, 0))
    yield "removed_type", gguf_bytes(1, 0, gguf_tensor(b"t", [32], 4, 0))
    yield "half_block", gguf_bytes(1, 0, gguf_tensor(b"t", [33], 2, 0))
    yield "huge_counts", gguf_bytes(2**63, 2**64 - 1)
    yield "huge_string", gguf_bytes(0, 1, key(8, u64(2**64 - 1) + b"abc"))
    yield "huge_array", gguf_bytes(0, 1, key(9, u32(10) + u64(2**61 + 1) + u64(0)))
    yield "strings", gguf_bytes(0, 1, key(9, u32(8) + u64(2) + gguf_string(b"a") + gguf_string(
        b"")))
    yield "nested", gguf_bytes(0, 1, key(9, u32(9) + u64(2) + u32(0) + u64(2) + b"ab" + u32(8) + u64(
        1) + gguf_string(b"c")))
    yield "nested_deep", gguf_bytes(0, 1, key(9, (u32(9) + u64(1)) * 40))
    yield "bad_bool", gguf_bytes(0, 1, key(7, b"\2"))
    yield "key_twice", gguf_bytes(0, 2, key(0, b"1") + key(0, b"2"))
    yield "alignment_0", gguf_bytes(0, 1, key(4, u32(0), b"general.alignment"))
    yield "alignment_64", gguf_bytes(0, 1, key(4, u32(64), b"general.alignment"))
    yield "big_endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0)
    yield "version_1", gguf_bytes(0, 0, version=1)
    for name in ("types_v2.gguf", "types_align64.gguf", "split-00001-of-00003.gguf"):
        yield name[:-5], (out / name).read_bytes()


def safetensors_seeds():
    def file(header, data=b""):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    tensor = lambda kind, shape, begin, end: {"dtype": kind, "shape": shape,
                                              "data_offsets": [begin, end]}
    yield "one", file({"t": tensor("F32", [2], 0, 8)}, b"x" * 8)
    yield "metadata", file({"__metadata__": {"a": "b"}, "t": tensor("I8", [1], 0, 1)}, b"x")
    yield "hole", file({"a": tensor("I8", [1], 0, 1), "b": tensor("I8", [1], 2, 3)}, b"xxx")
    yield "overlap", file({"a": tensor("F16", [1], 0, 2), "b": tensor("I8", [1], 1, 2)}, b"xx")
    yield "reversed", file({"a": tensor("I8", [0], 2, 0)}, b"xx")
    yield "huge_shape", file({"a": tensor("F64", [2**61 + 1], 0, 8)}, b"x" * 8)
    yield "negative", file({"a": tensor("I8", [-1], 0, 1)}, b"x")
    yield "unknown_type", file({"a": tensor("F31", [1], 0, 1)}, b"x")
    yield "four_bits", file({"a": tensor("F4", [2], 0, 1)}, b"x")
    yield "name_twice", file(b'{"a":1,"a":2}')
    yield "huge_header", struct.pack("<Q", 2**64 - 1) + b"{}"
    yield "deep", file(b'{"a":' + b"[" * 100)
    yield "types", (out / "types.safetensors").read_bytes()


def json_seeds():
    yield "config", json.dumps({"hidden_size": 64, "rope_scaling": {"factor": 8.0}, "ids": [1, 2],
                                "names": ["a"], "none": None, "eps": 1e-5, "tie": False}).encode()
    yield "numbers", b"[0, -1, 1.5e-3, 18446744073709551615, -9223372036854775808, 1e308]"
    yield "overflow", b"[1e999]"
    yield "strings", rb'["\u00e9\ud83d\ude00\n", "\ud800", ""]'
    yield "not_utf8", b'["\xff"]'
    yield "twice", b'{"a": 1, "a": 2}'
    yield "deep", b"[" * 200
    yield "deep_objects", b'{"a":' * 200
    yield "cut", b'{"a": [1, {"b'
    yield "dots", b'{"a.b": {"factor": 1}, "": {"": 2}}'


def make_seeds():
    for target, seeds in (("gguf", gguf_seeds()), ("safetensors", safetensors_seeds()),
                          ("json", json_seeds())):
        folder = root.parent / "fuzz" / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds:
            (folder / name).write_bytes(data)


def main():
    out.mkdir(parents=True, exist_ok=True)
    expected = {"tensors": make_gguf("types_v3.gguf")}
    make_gguf("types_align64.gguf", alignment=64)
    # Version 2 differs in the number alone.
    v3 = (out / "types_v3.gguf").read_bytes()
    (out / "types_v2.gguf").write_bytes(v3[:4] + struct.pack("<I", 2) + v3[8:])
    make_split()
    make_codecs()
    expected["safetensors"] = make_safetensors()
    make_seeds()
    (out / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


main()
