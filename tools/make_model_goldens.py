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
import pathlib

import torch
import transformers
from gguf import GGMLQuantizationType as QType

from golden_decoders import (Cohere2, CommandR, Falcon, Gemma, Gemma2, Gemma3, Gpt2, GptNeoX, Granite, Llama, Mistral,
                             Olmo2, Olmo3, Phi3, Qwen2, Qwen3, SmolLm3, StableLm, StarCoder2, StretchedQwen2)
from golden_models import make

LONG = dict(tied=True, n_prompt=96)


def llama3(factor):
    return {"rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32}


def yarn(factor):
    return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": 32}


F32 = QType.F32
# Names with the storage type of the matrices, all of them from the same weights; what makes the case.
GOLDENS = [
    ([("llama-f32", F32), ("llama-f16", QType.F16), ("llama-bf16", QType.BF16), ("llama-q8_0", QType.Q8_0),
      ("llama-q4_0", QType.Q4_0)], lambda: Llama()),
    ([("llama-tied", F32)], lambda: Llama(tied=True, n_head_kv=1)),
    ([("llama-odd-sizes", F32)],
     lambda: Llama(n_vocab=291, n_embd=30, n_head=3, n_head_kv=3, n_ff=50, tied=True, n_prompt=37)),
    ([("llama-bias-wide-heads", F32)], lambda: Llama(n_head=2, n_head_kv=1, head_dim=24, bias=True, tied=True)),
    ([("llama-rope-linear", F32)], lambda: Llama(rope={"rope_type": "linear", "factor": 4.0}, **LONG)),
    ([("llama-rope-llama3", F32)], lambda: Llama(rope=llama3(8.0), n_head=2, n_head_kv=1, theta=500000.0, **LONG)),
    ([("llama-rope-yarn", F32)], lambda: Llama(rope=yarn(4.0), n_head=2, n_head_kv=1, **LONG)),
    ([("gpt2-f32", F32)], lambda: Gpt2(tied=False)),
    ([("gpt2-tied", F32)], lambda: Gpt2()),
    ([("qwen2", F32)], lambda: Qwen2()),
    ([("qwen2-rope-yarn", F32)],
     lambda: Qwen2(rope={**yarn(4.0), "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.3}, n_prompt=80)),
    ([("qwen2-rope-dynamic", F32)],
     lambda: StretchedQwen2("dynamic", 4.0, n_ctx=144, n_prompt=80, max_position_embeddings=36)),
    ([("qwen2-rope-ntk", F32)],
     lambda: StretchedQwen2("ntk", 4.0, n_ctx=256, n_prompt=80, max_position_embeddings=64)),
    ([("qwen3", F32)], lambda: Qwen3()),
    ([("mistral-window", F32)], lambda: Mistral(sliding_window=12, n_prompt=40)),
    ([("gemma", F32)], lambda: Gemma(num_key_value_heads=1)),
    ([("gemma2-window", F32)], lambda: Gemma2(n_prompt=40)),
    ([("gemma3-window", QType.F16)], lambda: Gemma3(num_hidden_layers=7, n_prompt=40)),
    ([("gemma3-rope-linear", QType.F16)],
     lambda: Gemma3(num_hidden_layers=7, n_prompt=40, rope={"rope_type": "linear", "factor": 8.0})),
    ([("phi3", F32)], lambda: Phi3(sliding_window=None, partial_rotary_factor=0.75, hidden_size=32,
                                   intermediate_size=40)),
    ([("phi3-window", F32)], lambda: Phi3(sliding_window=12, n_prompt=40)),
    ([("phi3-longrope-short", F32)],
     lambda: Phi3(sliding_window=None, factors=([1.0, 1.3, 2.0], [1.5, 4.0, 9.0]), original_max_position_embeddings=128,
                  max_position_embeddings=128)),
    ([("phi3-longrope-long", F32)],
     lambda: Phi3(sliding_window=None, factors=([1.0, 1.3, 2.0], [1.5, 4.0, 9.0]), original_max_position_embeddings=32,
                  n_prompt=40)),
    ([("gptneox", F32)], lambda: GptNeoX(hidden_size=32, num_attention_heads=4, rotated=0.25, num_hidden_layers=1)),
    ([("gptneox-sequential", F32)], lambda: GptNeoX(use_parallel_residual=False, rotated=1.0, num_hidden_layers=1)),
    ([("olmo2", F32)], lambda: Olmo2(tie_word_embeddings=False, intermediate_size=32)),
    ([("olmo3-window", QType.F16)],
     lambda: Olmo3(tie_word_embeddings=False, n_prompt=40)),
    ([("smollm3", QType.F16)], lambda: SmolLm3()),
    ([("granite", F32)], lambda: Granite()),
    ([("starcoder2", F32)], lambda: StarCoder2()),
    ([("starcoder2-window", F32)], lambda: StarCoder2(sliding_window=12, n_prompt=40)),
    ([("stablelm", F32)], lambda: StableLm(use_qkv_bias=True)),
    ([("stablelm-parallel", QType.F16)],
     lambda: StableLm(use_parallel_residual=True, qk_layernorm=True, num_attention_heads=4, num_key_value_heads=2,
                      hidden_size=32, tie_word_embeddings=False)),
    ([("falcon-7b", F32)], lambda: Falcon(multi_query=True, new_decoder_architecture=False, parallel_attn=True)),
    ([("falcon-40b", F32)], lambda: Falcon(n_head_kv=2, new_decoder_architecture=True)),
    ([("falcon-11b", F32)], lambda: Falcon(n_head_kv=2, new_decoder_architecture=True, num_ln_in_parallel_attn=1)),
    ([("command-r", F32)], lambda: CommandR()),
    ([("command-r-plus", F32)], lambda: CommandR(use_qk_norm=True)),
    ([("cohere2-window", QType.F16)], lambda: Cohere2(n_prompt=40)),
]


def main():
    parser = argparse.ArgumentParser(description="Write tiny models and their reference numbers.")
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parents[1] / "tests/golden/model"))
    parser.add_argument("--only", nargs="*", help="names of goldens to make; all of those from the same weights are made")
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()  # it wonders about stretching a model to less than its context

    total = 0
    for variants, case in GOLDENS:
        if options.only is None or any(name in options.only for name, _ in variants):
            total += make(out, variants, case())
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
