#!/usr/bin/env python3
"""Quire and llama.cpp on the same file: log-probabilities and greedy ids.

    python3 tools/compare_llama_cpp.py [--quire build/quire] MODEL.gguf ...

Needs the packages llama-cpp-python, gguf and numpy. For several prompts it prints the largest difference of
log-probabilities after the prompt, and the first step at which 64 greedy ids differ.

llama.cpp rounds activations to the width of the weights where these are not f32 (to 8 bits with Q8_0 and Q4_0); Quire's
`logits` does not. So a file with other weights is compared twice: as it is, and with llama.cpp reading a copy whose
weights were decoded to f32. It also looks GELU up in a table of halves, which moves GPT-2 by some 1e-3. Exits with 1
when a Llama differs from the f32 copy by more than 1e-3 or in an id.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np

N_GREEDY = 64


def log_softmax(logits):
    x = np.asarray(logits, dtype=np.float64)
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def quire_numbers(program, path, tokens, n_greedy):
    command = [program, "logits", path, "--tokens", ",".join(map(str, tokens)), "--greedy", str(n_greedy), "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer["logits"], answer["greedy"]


def llama_cpp_numbers(model, tokens, n_greedy):
    model.reset()
    model.eval(tokens)
    first = np.array(model.scores[model.n_tokens - 1])
    logits, greedy = first, []
    for _ in range(n_greedy):
        greedy.append(int(logits.argmax()))
        model.eval(greedy[-1:])
        logits = np.array(model.scores[model.n_tokens - 1])
    return first, greedy


def decoded_copy(path, copy):
    """The same model with every tensor as f32; False when it is so already."""
    reader = gguf.GGUFReader(path)
    if all(tensor.tensor_type == gguf.GGMLQuantizationType.F32 for tensor in reader.tensors):
        return False
    writer = gguf.GGUFWriter(copy, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type"):
            continue
        element = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), field.types[0], sub_type=element)
    writer.add_file_type(0)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return True


def prompts_of(model, n_vocab, n_ctx):
    """The texts that any model continues, and ids drawn at random, short and long."""
    texts = ["Once upon a time", "The capital of France is", "def main():\n    ", "1, 2, 3, 4,"]
    prompts = [model.tokenize(text.encode(), add_bos=True, special=False) for text in texts]
    draw = random.Random(7)
    for n in (1, 7, 31, n_ctx - N_GREEDY - 1):
        prompts.append([draw.randrange(n_vocab) for _ in range(n)])
    return [prompt for prompt in prompts if 0 < len(prompt) <= n_ctx - N_GREEDY]


def compare(program, path, other, label):
    """Quire reads path, llama.cpp reads other. True when they agree to rounding."""
    exact = dict(verbose=False, logits_all=True, flash_attn=False, type_k=0, type_v=0)  # 0: an f32 cache
    meta = llama_cpp.Llama(other, vocab_only=True, verbose=False).metadata
    n_ctx = min(int(meta[f"{meta['general.architecture']}.context_length"]), 512)
    model = llama_cpp.Llama(other, n_ctx=n_ctx, n_batch=n_ctx, n_ubatch=n_ctx, n_threads=1, **exact)
    prompts = prompts_of(model, model.n_vocab(), n_ctx)
    worst, different = 0.0, []
    for prompt in prompts:
        ours, our_greedy = quire_numbers(program, path, prompt, N_GREEDY)
        theirs, their_greedy = llama_cpp_numbers(model, prompt, N_GREEDY)
        worst = max(worst, float(np.abs(log_softmax(ours) - log_softmax(theirs)).max()))
        different += [i for i, (a, b) in enumerate(zip(our_greedy, their_greedy)) if a != b][:1]
    greedy = "greedy ids identical" if not different else \
        f"greedy ids differ for {len(different)} of {len(prompts)} prompts, first at step {min(different)}"
    name = pathlib.Path(path).name
    print(f"{name:28} {label:8} log-probabilities differ by at most {worst:.1e}, {greedy}", flush=True)
    return worst < 1e-3 and not different or meta["general.architecture"] == "gpt2"


def compare_file(program, path):
    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/decoded.gguf"
        if not decoded_copy(path, copy):
            return compare(program, path, path, "f32")
        compare(program, path, path, "as it is")
        return compare(program, path, copy, "decoded")


def main():
    parser = argparse.ArgumentParser(description="Compare Quire with llama.cpp on the same files.")
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    agreed = [compare_file(arguments.quire, path) for path in arguments.models]
    sys.exit(0 if all(agreed) else 1)


if __name__ == "__main__":
    main()
