#!/usr/bin/env python3
"""Models of many architectures with random weights: Quire against transformers and against a llama.cpp build.

    python3 tools/compare_llama_server.py --llama-server PROGRAM [--quire build/quire] [--only NAME ...]

Needs the packages torch, transformers, gguf and numpy. Writes each model (a million parameters or two, f32) to a temporary
folder, and prints the largest difference of log-probabilities after a prompt of 100 tokens, over the whole vocabulary, and
how many of 40 greedy ids agree. llama-server runs with f32 keys and values and without flash attention. It looks GELU up in
a table of halves, which moves models with GELU by some 1e-2; a step whose token is no whole character it does not report.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.request

import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as QType

import golden_decoders as d
import golden_models as goldens

N_GREEDY, N_CTX = 40, 256
BIG = dict(vocab_size=1000, hidden_size=192, num_hidden_layers=5, num_attention_heads=6, num_key_value_heads=2,
           intermediate_size=320, n_prompt=100)
WIDE = {**BIG, "head_dim": 64}
DEEP = {**BIG, "num_hidden_layers": 8}
CASES = {
    "qwen2": lambda: d.Qwen2(**BIG),
    "qwen3": lambda: d.Qwen3(**WIDE),
    "gemma": lambda: d.Gemma(**{**WIDE, "num_key_value_heads": 1}),
    "gemma2": lambda: d.Gemma2(**{**WIDE, "query_pre_attn_scalar": 64, "sliding_window": 32,
                                  "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}),
    "gemma3": lambda: d.Gemma3(**{**WIDE, "num_hidden_layers": 8, "query_pre_attn_scalar": 64, "sliding_window": 32}),
    "gptneox": lambda: d.GptNeoX(**BIG, rotated=0.5, tie_word_embeddings=False),
    "olmo2": lambda: d.Olmo2(**BIG, tie_word_embeddings=False),
    "olmo3": lambda: d.Olmo3(**DEEP, tie_word_embeddings=False, sliding_window=32),
    "smollm3": lambda: d.SmolLm3(**DEEP),
    "granite": lambda: d.Granite(**BIG, attention_multiplier=0.1),
    "starcoder2": lambda: d.StarCoder2(**BIG),
    "stablelm": lambda: d.StableLm(**BIG, use_qkv_bias=True, tie_word_embeddings=False),
    "stablelm-parallel": lambda: d.StableLm(**BIG, use_parallel_residual=True, qk_layernorm=True,
                                            tie_word_embeddings=False),
    "falcon-7b": lambda: d.Falcon(**BIG, multi_query=True, new_decoder_architecture=False, parallel_attn=True),
    "falcon-40b": lambda: d.Falcon(n_head_kv=2, **BIG, new_decoder_architecture=True),
    "command-r": lambda: d.CommandR(**BIG),
    "cohere2": lambda: d.Cohere2(**DEEP, sliding_window=32),
}


def log_softmax(logits):
    x = np.asarray(logits, dtype=np.float64)
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def make(name, folder):
    """The file, its prompt, and the reference's logits after it."""
    case = CASES[name]()
    model = goldens.randomize(case.model(), 3)
    tensors = goldens.stored(case, model, QType.F32)
    draw = torch.Generator().manual_seed(5)
    prompt = torch.randint(300, 1000, (BIG["n_prompt"],), generator=draw).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].numpy()
    goldens.write_case(folder, name, case, QType.F32, tensors, prompt, (logits, [0], 0.0))
    return folder / f"{name}.gguf", prompt, logits[-1]


def ask(port, prompt, n_probs):
    """Log-probabilities of the next token by id, likeliest first; nothing where it is no whole character."""
    body = json.dumps({"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": n_probs, "stream": True}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/completion", body, {"Content-Type": "application/json"})
    for line in urllib.request.urlopen(request, timeout=200):
        if line.startswith(b"data: {"):
            found = json.loads(line[6:].decode("utf-8", "replace")).get("completion_probabilities")
            if found:
                return {entry["id"]: entry["logprob"] for entry in found[0]["top_logprobs"]}
    return {}


def serve(program, path, port):
    server = subprocess.Popen([program, "-m", path, "-c", str(N_CTX), "-t", "1", "--port", str(port), "-np", "1", "-ctk",
                               "f32", "-ctv", "f32", "-fa", "off", "--no-warmup"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
            return server
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"{path}: llama-server cannot load it")


def main():
    parser = argparse.ArgumentParser(description="Compare with transformers and llama.cpp on models made here.")
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--port", type=int, default=8390)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            path, prompt, reference = make(name, pathlib.Path(folder))
            answer = json.loads(subprocess.run(
                [options.quire, "logits", path, "--tokens", ",".join(map(str, prompt)), "-c", str(N_CTX), "--greedy",
                 str(N_GREEDY), "--json"], check=True, capture_output=True, text=True).stdout)
            ours = log_softmax(answer["logits"])
            server = serve(options.llama_server, path, options.port)
            try:
                steps = [ask(options.port, prompt + answer["greedy"][:i], BIG["vocab_size"] if i == 0 else 2)
                         for i in range(N_GREEDY)]
            finally:
                server.kill()
                server.wait()
            same = [next(iter(step)) == id for step, id in zip(steps, answer["greedy"]) if step]
            peer = max((abs(ours[i] - x) for i, x in steps[0].items() if x > -50), default=float("nan"))
            print(f"{name:12} transformers {np.abs(ours - log_softmax(reference)).max():.1e}   llama.cpp {peer:.1e}   "
                  f"greedy ids {sum(same)} of {len(same)}", flush=True)


if __name__ == "__main__":
    main()
