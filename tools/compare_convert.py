#!/usr/bin/env python3
"""Hugging Face folders with random weights through `quire convert --to gguf`, read by a llama.cpp build.

    python3 tools/compare_convert.py --llama-server PROGRAM [--quire build/quire] [--types f32 q8_0 q4_k_m] [--only NAME ...]

Needs the packages torch, transformers, tokenizers, safetensors and numpy. Each model (some million parameters, bf16, with one of
the tokenizers of tests/golden/text) is saved by save_pretrained(), converted, and asked for the logits after a prompt of 60
tokens and for greedy ids, by both programs from the same file. Printed: the largest difference of log-probabilities of the
folder in Quire to transformers, and of the file in llama.cpp to the file in Quire; how many greedy ids agree; and how many of
the texts in tests/golden/text/hard.json have the same ids in both. llama-server runs with f32 keys and values and without
flash attention.
"""
import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import tempfile
import urllib.request

import numpy as np
import tokenizers
import torch
import transformers

import make_hf_goldens as hf
from compare_llama_server import ask, log_softmax, serve

TEXT = pathlib.Path(__file__).parents[1] / "tests/golden/text"
N_CTX, N_GREEDY = 256, 24
SIZES = dict(vocab_size=704, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=512, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=None,
             attn_implementation="eager", tie_word_embeddings=True)
EXPERTS = {**SIZES, "experts_implementation": "eager", "num_experts_per_tok": 2, "tie_word_embeddings": False}
PIECES, BYTES = "pieces-prepend.json", "bytes-llama3.json"


def cases():
    t, rope = transformers, hf.rope
    yarn = rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
    r = {"rope_parameters": rope()}
    yield "llama", t.LlamaConfig(**SIZES, rope_parameters=rope(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64)), BYTES
    yield "llama-pieces", t.LlamaConfig(**{**SIZES, "tie_word_embeddings": False}, **r), PIECES
    yield "mixtral", t.MixtralConfig(**EXPERTS, **r, num_local_experts=4, sliding_window=None), PIECES
    yield "qwen2", t.Qwen2Config(**SIZES, rope_parameters=yarn), "bytes-gpt2.json"
    yield "qwen3", t.Qwen3Config(**SIZES, **r, head_dim=64), "bytes-gpt2.json"
    yield "qwen2-moe", t.Qwen2MoeConfig(**EXPERTS, **r, moe_intermediate_size=128, num_experts=4,
                                        shared_expert_intermediate_size=256), "bytes-gpt2.json"
    yield "qwen3-moe", t.Qwen3MoeConfig(**EXPERTS, **r, moe_intermediate_size=128, num_experts=4, norm_topk_prob=True,
                                        head_dim=64), "bytes-gpt2.json"
    yield "gemma", t.GemmaConfig(**{**SIZES, "num_key_value_heads": 1}, **r, head_dim=64), PIECES
    yield "gemma2", t.Gemma2Config(**SIZES, **r, head_dim=64, query_pre_attn_scalar=64, sliding_window=32), PIECES
    yield "gemma3", t.Gemma3TextConfig(**{**SIZES, "num_hidden_layers": 7}, head_dim=64, query_pre_attn_scalar=64,
                                       sliding_window=32), PIECES
    # llama.cpp asks models named phi3 for tokens of that vocabulary.
    yield "phi", t.Phi3Config(**{**SIZES, "pad_token_id": 0}, **r, sliding_window=None), PIECES
    neox = {k: v for k, v in SIZES.items() if k not in ("num_key_value_heads", "tie_word_embeddings")}
    yield "gpt-neox", t.GPTNeoXConfig(**neox, rope_parameters=rope(partial_rotary_factor=0.25)), "bytes-gpt2.json"
    yield "olmo2", t.Olmo2Config(**{**SIZES, "tie_word_embeddings": False}, **r), BYTES
    yield "olmo3", t.Olmo3Config(**{**SIZES, "tie_word_embeddings": False}, sliding_window=32), BYTES
    yield "smollm3", t.SmolLM3Config(**{**SIZES, "pad_token_id": 0}, **r), BYTES
    yield "granite", t.GraniteConfig(**SIZES, **r, attention_multiplier=0.1, embedding_multiplier=1.5,
                                     residual_multiplier=0.8, logits_scaling=1.7), "bytes-gpt2.json"
    yield "starcoder2", t.Starcoder2Config(**SIZES, **r), "bytes-gpt2.json"
    stable = {**SIZES, "tie_word_embeddings": False}  # llama.cpp wants an output matrix
    yield "stablelm", t.StableLmConfig(**stable, use_qkv_bias=True), "bytes-gpt2.json"
    yield "stablelm-parallel", t.StableLmConfig(**stable, use_parallel_residual=True, qk_layernorm=True), "bytes-gpt2.json"
    falcon = {k: v for k, v in SIZES.items() if k not in ("num_key_value_heads", "intermediate_size")}
    yield "falcon-40b", t.FalconConfig(**falcon, num_kv_heads=2, new_decoder_architecture=True, bias=False), "bytes-gpt2.json"
    yield "command-r", t.CohereConfig(**SIZES, **r, logit_scale=0.5), "bytes-gpt2.json"
    yield "cohere2", t.Cohere2Config(**SIZES, **r, sliding_window=32, logit_scale=0.5), "bytes-gpt2.json"
    yield "gpt2", t.GPT2Config(vocab_size=704, n_embd=256, n_layer=4, n_head=4, n_positions=256, bos_token_id=1,
                               eos_token_id=2, attn_implementation="eager"), "bytes-gpt2.json"
    mla = {**EXPERTS, "num_key_value_heads": 4, "moe_intermediate_size": 128, "kv_lora_rank": 128, "n_routed_experts": 8,
           "qk_nope_head_dim": 32, "qk_rope_head_dim": 32, "v_head_dim": 64, "first_k_dense_replace": 1,
           "n_shared_experts": 1}
    yield "deepseek-v2", t.DeepseekV2Config(**mla, **r, q_lora_rank=None, n_group=1, topk_group=1), BYTES
    yield "deepseek-v3", t.DeepseekV3Config(**mla, **r, q_lora_rank=128, n_group=2, topk_group=1), BYTES
    # Not stretched: llama.cpp begins and ends YaRN's ramp at whole pairs, this model does not.
    yield "gpt-oss", t.GptOssConfig(**EXPERTS, num_local_experts=4, head_dim=64, sliding_window=32,
                                    rope_parameters=rope(rope_theta=150000.0)), "bytes-gpt2.json"
    yield "mamba2", t.Mamba2Config(vocab_size=704, hidden_size=128, num_hidden_layers=2, num_heads=4, head_dim=64,
                                   state_size=32, n_groups=1, chunk_size=16, bos_token_id=1, eos_token_id=2,
                                   tie_word_embeddings=True), "bytes-gpt2.json"


def make(config, tokenizer, folder):
    """The folder, a prompt, and the logits of transformers after it."""
    torch.manual_seed(1)
    model = hf.randomize(transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32), 1)
    hf.round_to(model, torch.bfloat16)
    prompt = torch.randint(10, 400, (60,), generator=torch.Generator().manual_seed(2)).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0, -1].float().numpy()
    with contextlib.redirect_stderr(io.StringIO()):
        model.to(torch.bfloat16).save_pretrained(folder)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(TEXT / tokenizer), bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    return prompt, logits


def quire_logits(quire, model, prompt):
    answer = json.loads(subprocess.run(
        [quire, "logits", model, "--tokens", ",".join(map(str, prompt)), "-c", str(N_CTX), "--greedy", str(N_GREEDY),
         "--json"], check=True, capture_output=True, text=True).stdout)
    return log_softmax(answer["logits"]), answer["greedy"]


def same_texts(quire, path, port):
    """How many texts without added tokens both programs cut alike."""
    same = n = 0
    for digits in json.loads((TEXT / "hard.json").read_text()):
        try:
            text = bytes.fromhex(digits).decode()
        except UnicodeDecodeError:
            continue
        if "<" in text or "word" in text or "\\0" in text or not text:
            continue
        ours = json.loads(subprocess.run([quire, "tokenize", path, "--stdin", "--json"], input=text, check=True,
                                         capture_output=True, text=True).stdout)["tokens"]
        body = json.dumps({"content": text, "add_special": True}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/tokenize", body, {"Content-Type": "application/json"})
        theirs = json.loads(urllib.request.urlopen(request, timeout=60).read())["tokens"]
        n += 1
        same += theirs == [token["id"] if isinstance(token, dict) else token for token in ours]
    return f"{same} of {n}"


def main():
    parser = argparse.ArgumentParser(description="Convert folders made here, and read the files with llama.cpp.")
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--port", type=int, default=8392)
    parser.add_argument("--types", nargs="*", default=["f32"])
    parser.add_argument("--texts", action="store_true", help="compare the tokenizers too")
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for name, config, tokenizer in cases():
        if options.only and name not in options.only:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder, path = f"{place}/{name}", f"{place}/{name}.gguf"
            prompt, reference = make(config, tokenizer, folder)
            ours, _ = quire_logits(options.quire, folder, prompt)
            print(f"{name:12} folder to transformers {np.abs(ours - log_softmax(reference)).max():.1e}", flush=True)
            for kind in options.types:
                subprocess.run([options.quire, "convert", folder, "--to", "gguf", path, "--type", kind, "--force"],
                               check=True, capture_output=True)
                ours, greedy = quire_logits(options.quire, path, prompt)
                try:
                    server = serve(options.llama_server, path, options.port)
                except SystemExit as error:
                    print(f"   {kind:8} {error}", flush=True)
                    continue
                try:
                    steps = [ask(options.port, prompt + greedy[:i], 704 if i == 0 else 2) for i in range(N_GREEDY)]
                    texts = f"   texts {same_texts(options.quire, path, options.port)}" if options.texts else ""
                finally:
                    server.kill()
                    server.wait()
                same = [next(iter(step)) == id for step, id in zip(steps, greedy) if step]
                peer = max((abs(ours[i] - x) for i, x in steps[0].items() if x > -50), default=float("nan"))
                print(f"   {kind:8} llama.cpp to quire {peer:.1e}   greedy ids {sum(same)} of {len(same)}{texts}", flush=True)


if __name__ == "__main__":
    main()
