"""Tiny models with random weights and the numbers a reference implementation gets from them: what all cases share.

make_model_goldens.py lists the goldens; golden_*.py hold the cases. A case is a class with

    arch, n_prompt, first_id      the architecture of the file; length and lowest id of its prompt
    config                        of transformers, with vocab_size
    model()                       the reference
    gguf_name(name)               what a parameter of the reference is called in the file
    to_gguf(name, w), from_gguf   its layout there, and back
    write(writer)                 metadata, vocabulary, tensors that are no parameters
"""
import json
import math

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as QType

N_GREEDY = 64
GAP_MIN = 4e-3  # forty times the difference that a test may accept
DISTINCT_MIN = 16  # different ids among the greedy ones


# Vocabularies: small, but whole enough to encode any text.

WORDS = ["\u2581", "e", "t", "a", "o", "n", "h", "s", "i", "d", "r", "th", "he", "\u2581t", "\u2581a", "in", "\u2581the",
         "on", "an", "\u2581w", "nd", "\u2581and", "\u2581s", "er", "\u2581he", "\u2581to", "ed", "\u2581was", "."]


def add_llama_vocabulary(writer, n_vocab):
    """SentencePiece-BPE: three control tokens, the 256 bytes, then pieces, best first."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + WORDS
    scores = [0.0] * 259 + [-float(i) for i in range(len(WORDS))]
    types = [2, 3, 3] + [6] * 256 + [1] * len(WORDS)
    while len(tokens) < n_vocab:
        tokens.append(f"<extra_{len(tokens)}>")
        scores.append(-1000.0)
        types.append(5)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def printable_bytes():
    """The byte alphabet of GPT-2: printable Latin-1 stands for itself, the rest is moved above U+0100."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in keep]
    return [chr(byte) for byte in keep] + [chr(256 + i) for i in range(len(moved))]


MERGES = ["Ġ t", "h e", "Ġ a", "i n", "Ġt he", "e r", "o n", "Ġ w", "n d", "Ġa nd", "Ġ s", "r e", "Ġ h", "Ġh e", "e d",
          "Ġt o", "a t", "o u", "a s", "Ġw as"]


def add_gpt2_vocabulary(writer, n_vocab):
    """Byte-level BPE: the bytes, the merges, and one control token."""
    tokens = printable_bytes() + [merge.replace(" ", "") for merge in MERGES] + ["<|endoftext|>"]
    types = [1] * (len(tokens) - 1) + [3]
    while len(tokens) < n_vocab:
        tokens.append(f"[PAD{len(tokens)}]")
        types.append(5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(MERGES)
    end = tokens.index("<|endoftext|>")
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_unk_token_id(end)


# Weights, reference numbers, files.


def randomize(model, seed):
    """Weights large enough that every part of the model is heard in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, w in model.named_parameters():
            noise = torch.randn(w.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                around_zero = name.endswith("bias") or getattr(model, "norms_add_one", False)
                w.copy_(0.2 * noise if around_zero else 1 + 0.2 * noise)
            elif name.endswith("bias"):
                w.copy_(0.3 * noise)
            elif any(part in name for part in ("embed_tokens", "wte", "lm_head", "embed_in", "embed_out",
                                               "word_embeddings")):
                w.copy_(getattr(model, "embedding_noise", 0.5) * noise)
            elif "wpe" in name:
                w.copy_(0.3 * noise)
            else:
                n_in = w.shape[0] if "c_" in name.split(".")[-2] else w.shape[1]
                w.copy_(1.5 / math.sqrt(n_in) * noise)
    return model.eval()


def stored(case, model, qtype):
    """The tensors as they go into the file; the model gets what a reader decodes from them."""
    tensors = {}
    with torch.no_grad():
        for name, w in model.named_parameters():  # a tied head is listed once
            array = np.ascontiguousarray(case.to_gguf(name, w.numpy()))
            matrix = array.ndim == 2 and "position_embd" not in case.gguf_name(name)
            kind = qtype if matrix else QType.F32
            raw = array if kind == QType.F32 else gguf.quants.quantize(array, kind)
            if case.gguf_name(name) in tensors:  # another head's vector: the next row of a matrix
                raw = np.vstack([tensors[case.gguf_name(name)][0], raw])
            tensors[case.gguf_name(name)] = (raw, kind)
            if kind != QType.F32:
                decoded = gguf.quants.dequantize(raw, kind).reshape(array.shape)
                w.copy_(torch.from_numpy(np.ascontiguousarray(case.from_gguf(name, decoded))))
    return tensors


def reference(model, prompt):
    """Logits of the prompt, the greedy continuation, and how clear its choices were."""
    ids, greedy, gap = list(prompt), [], math.inf
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        last = logits[-1]
        for _ in range(N_GREEDY):
            best = torch.topk(last, 2)
            gap = min(gap, (best.values[0] - best.values[1]).item())
            if gap <= GAP_MIN:
                break  # no fair test, whatever follows
            greedy.append(best.indices[0].item())
            ids.append(greedy[-1])
            last = model(torch.tensor([ids])).logits[0, -1]
    return logits.numpy(), greedy, gap


def fair(greedy, gap):
    return gap > GAP_MIN and len(set(greedy)) >= DISTINCT_MIN


def write_case(out, name, case, qtype, tensors, prompt, result):
    logits, greedy, gap = result
    writer = gguf.GGUFWriter(out / f"{name}.gguf", gguf.MODEL_ARCH_NAMES[case.arch])
    writer.add_name(name)
    writer.add_file_type({QType.F32: 0, QType.F16: 1, QType.Q4_0: 2, QType.Q8_0: 7, QType.BF16: 32}[qtype])
    case.write(writer)
    for tensor, (raw, kind) in tensors.items():
        writer.add_tensor(tensor, raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    positions = sorted({0, len(prompt) // 2, len(prompt) - 1})
    golden = {"model": f"{name}.gguf",
              "made_by": f"tools/{getattr(case, 'script', 'make_model_goldens.py')}, transformers {transformers.__version__}, f32, eager attention",
              "tokens": prompt, "positions": positions,
              "logits": [[float(f"{x:.7g}") for x in logits[p]] for p in positions],
              "greedy": greedy, "greedy_gap": float(f"{gap:.3g}")}
    with open(out / f"{name}.json", "w") as file:
        rows = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
        file.write("{\n" + rows + "\n}\n")
    size = (out / f"{name}.gguf").stat().st_size + (out / f"{name}.json").stat().st_size
    print(f"{name:24} {size / 1000:6.0f} kB   greedy: {len(set(greedy)):2} different ids, gap {gap:.4f}")
    return size


def make(out, variants, case):
    """variants: names with the storage type of the matrices; all of them from the same weights."""
    for seed in range(1, 1000):
        results = []
        draw = torch.Generator().manual_seed(1000 + seed)
        prompt = torch.randint(case.first_id, case.config.vocab_size, (case.n_prompt,), generator=draw).tolist()
        for name, qtype in variants:
            model = randomize(case.model(), seed)
            tensors = stored(case, model, qtype)
            result = reference(model, prompt)
            if not fair(*result[1:]):
                break
            results.append((name, case, qtype, tensors, prompt, result))
        else:
            return sum(write_case(out, *entry) for entry in results)
    raise SystemExit(f"{variants[0][0]}: no seed gives a fair greedy path")
