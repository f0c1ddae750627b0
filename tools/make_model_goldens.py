#!/usr/bin/env python3
"""Tiny models with random weights, and the numbers a reference implementation gets from them.

    python3 tools/make_model_goldens.py [--out tests/golden/model]

Needs the packages torch, transformers, gguf and numpy. For every case it writes NAME.gguf, with the keys, tensor names
and layouts that llama.cpp's converter would write, and NAME.json:

    model          the file beside it
    made_by        the reference: transformers on the CPU, f32, eager attention
    tokens         the prompt
    positions      the positions whose logits are listed, the last one always among them
    logits         one row of V numbers for each of these positions
    greedy         64 ids: the most likely token again and again
    greedy_gap     the smallest distance between the two largest logits on that path

A case whose weights are stored in another type than f32 is judged on the decoded weights. Seeds are tried in order until
the greedy path is a fair test: no near tie, and not the same few tokens again and again.
"""
import argparse
import json
import math
import pathlib

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


# Llama.


def pairs_from_halves(w, n_head):
    """Rows of a query or key projection: GGUF turns neighbours (2i, 2i+1), transformers turns (i, i + E/2)."""
    return w.reshape(n_head, 2, w.shape[0] // n_head // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def halves_from_pairs(w, n_head):
    return w.reshape(n_head, w.shape[0] // n_head // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


LLAMA_NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
               "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
               "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def layer_name(name, names):
    """model.layers.3.mlp.up_proj.weight -> blk.3.ffn_up.weight"""
    _, _, layer, *middle, kind = name.split(".")
    return f"blk.{layer}.{names['.'.join(middle)]}.{kind}"


class Llama:
    arch = gguf.MODEL_ARCH.LLAMA

    def __init__(self, n_vocab=288, n_embd=32, n_layer=2, n_head=4, n_head_kv=2, n_ff=64, head_dim=None, n_ctx=256,
                 tied=False, theta=10000.0, rope=None, bias=False, n_prompt=24):
        self.rope = rope or {"rope_type": "default"}
        self.n_prompt = n_prompt
        self.config = transformers.LlamaConfig(
            vocab_size=n_vocab, hidden_size=n_embd, num_hidden_layers=n_layer, num_attention_heads=n_head,
            num_key_value_heads=n_head_kv, intermediate_size=n_ff, head_dim=head_dim or n_embd // n_head,
            max_position_embeddings=n_ctx, rms_norm_eps=1e-5, tie_word_embeddings=tied, attention_bias=bias,
            mlp_bias=bias, rope_parameters={"rope_theta": theta, **self.rope}, attn_implementation="eager",
            bos_token_id=1, eos_token_id=2)
        self.first_id = 3  # control tokens do not occur in prompts

    def model(self):
        return transformers.LlamaForCausalLM(self.config)

    def gguf_name(self, name):
        top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
               "lm_head.weight": "output.weight"}
        return top.get(name) or layer_name(name, LLAMA_NAMES)

    def heads(self, name):
        return {"q_proj": self.config.num_attention_heads, "k_proj": self.config.num_key_value_heads}.get(
            name.split(".")[-2])

    def to_gguf(self, name, w):
        return pairs_from_halves(w, self.heads(name)) if self.heads(name) else w

    def from_gguf(self, name, w):
        return halves_from_pairs(w, self.heads(name)) if self.heads(name) else w

    def write(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_context_length(c.max_position_embeddings)
        writer.add_embedding_length(c.hidden_size)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_rope_dimension_count(c.head_dim)
        writer.add_head_count(c.num_attention_heads)
        writer.add_head_count_kv(c.num_key_value_heads)
        writer.add_key_length(c.head_dim)
        writer.add_value_length(c.head_dim)
        writer.add_layer_norm_rms_eps(c.rms_norm_eps)
        writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
        kind = self.rope["rope_type"]
        if kind in ("linear", "yarn"):
            writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
            writer.add_rope_scaling_factor(self.rope["factor"])
        if kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(self.rope["original_max_position_embeddings"])
        if kind == "llama3":
            writer.add_tensor("rope_freqs.weight", self.llama3_factors())
        add_llama_vocabulary(writer, c.vocab_size)

    def llama3_factors(self):
        """What each inverse frequency is divided by: 1 for short waves, the factor for long ones, between in between."""
        r, width = self.rope, self.config.head_dim
        n_ctx, low, high = r["original_max_position_embeddings"], r["low_freq_factor"], r["high_freq_factor"]
        factors = []
        for i in range(0, width, 2):
            wave = 2 * math.pi * self.config.rope_parameters["rope_theta"] ** (i / width)
            if wave < n_ctx / high:
                factors.append(1.0)
            elif wave > n_ctx / low:
                factors.append(r["factor"])
            else:
                smooth = (n_ctx / wave - low) / (high - low)
                factors.append(1 / ((1 - smooth) / r["factor"] + smooth))
        return np.array(factors, dtype=np.float32)


# GPT-2.

GPT2_NAMES = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
              "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


class Gpt2:
    arch = gguf.MODEL_ARCH.GPT2

    def __init__(self, n_vocab=288, n_embd=24, n_layer=2, n_head=3, n_ff=80, n_ctx=96, tied=True, n_prompt=24):
        self.n_prompt = n_prompt
        self.config = transformers.GPT2Config(
            vocab_size=n_vocab, n_embd=n_embd, n_layer=n_layer, n_head=n_head, n_inner=n_ff, n_positions=n_ctx,
            tie_word_embeddings=tied, attn_implementation="eager", activation_function="gelu_new",
            bos_token_id=276, eos_token_id=276)
        self.first_id = 0

    def model(self):
        return transformers.GPT2LMHeadModel(self.config)

    def gguf_name(self, name):
        top = {"transformer.wte.weight": "token_embd.weight", "transformer.wpe.weight": "position_embd.weight",
               "transformer.ln_f.weight": "output_norm.weight", "transformer.ln_f.bias": "output_norm.bias",
               "lm_head.weight": "output.weight"}
        return top.get(name) or layer_name(name, GPT2_NAMES)

    def to_gguf(self, name, w):
        is_conv1d = name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))  # stored (in, out)
        return w.T if is_conv1d else w

    from_gguf = to_gguf

    def write(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_block_count(c.n_layer)
        writer.add_context_length(c.n_positions)
        writer.add_embedding_length(c.n_embd)
        writer.add_feed_forward_length(c.n_inner)
        writer.add_head_count(c.n_head)
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
        add_gpt2_vocabulary(writer, c.vocab_size)


# Weights, reference numbers, files.


def randomize(model, seed):
    """Weights large enough that every part of the model is heard in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, w in model.named_parameters():
            noise = torch.randn(w.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                w.copy_(0.2 * noise if name.endswith("bias") else 1 + 0.2 * noise)
            elif name.endswith("bias"):
                w.copy_(0.3 * noise)
            elif "embed_tokens" in name or "wte" in name or "lm_head" in name:
                w.copy_(0.5 * noise)
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


def main():
    parser = argparse.ArgumentParser(description="Write tiny models and their reference numbers.")
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parents[1] / "tests/golden/model"))
    out = pathlib.Path(parser.parse_args().out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)

    f32 = QType.F32
    transformers.logging.set_verbosity_error()  # it wonders about stretching a model to less than its context
    long = dict(tied=True, n_prompt=96)
    total = 0
    total += make(out, [("llama-f32", f32), ("llama-f16", QType.F16), ("llama-bf16", QType.BF16),
                        ("llama-q8_0", QType.Q8_0), ("llama-q4_0", QType.Q4_0)], Llama())
    total += make(out, [("llama-tied", f32)], Llama(tied=True, n_head_kv=1))
    total += make(out, [("llama-odd-sizes", f32)],
                  Llama(n_vocab=291, n_embd=30, n_head=3, n_head_kv=3, n_ff=50, tied=True, n_prompt=37))
    total += make(out, [("llama-bias-wide-heads", f32)], Llama(n_head=2, n_head_kv=1, head_dim=24, bias=True, tied=True))
    total += make(out, [("llama-rope-linear", f32)], Llama(rope={"rope_type": "linear", "factor": 4.0}, **long))
    total += make(out, [("llama-rope-llama3", f32)],
                  Llama(rope={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                              "original_max_position_embeddings": 32}, n_head=2, n_head_kv=1,
                        theta=500000.0, **long))
    total += make(out, [("llama-rope-yarn", f32)],
                  Llama(rope={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
                        n_head=2, n_head_kv=1, **long))
    total += make(out, [("gpt2-f32", f32)], Gpt2(tied=False))
    total += make(out, [("gpt2-tied", f32)], Gpt2())
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
