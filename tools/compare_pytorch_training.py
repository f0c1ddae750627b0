#!/usr/bin/env python3
"""Trains the same model with Quire and with PyTorch f32 (same initial weights, same tokens in the
same windows, same AdamW, schedule, clipping) and prints held-out loss and tokens per second of both.

  python3 tools/compare_pytorch_training.py --quire build/quire --data TEXT --threads 2 --steps 200

The order of windows is made again here from the seed as src/train/data.h describes it; the token
cache is read as src/train/token_cache.h describes it. Needs torch, safetensors and numpy.
"""
import argparse
import json
import math
import pathlib
import struct
import subprocess
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import load_file

import torch_models

MASK = (1 << 64) - 1


def splitmix64(state):
    """-> number, next state"""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31), state


def mix(seed, a, b):
    number, state = splitmix64(seed)
    number, state = splitmix64(number ^ a)
    return splitmix64(number ^ b)[0]


class Rng:
    """xoshiro256**, as src/base/rng.h"""

    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            number, seed = splitmix64(seed)
            self.s.append(number)

    def next(self):
        s, rotate = self.s, lambda x, k: ((x << k) | (x >> (64 - k))) & MASK
        result = (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def below(self, n):
        product = self.next() * n
        if (product & MASK) < n:
            threshold = (1 << 64) % n
            while (product & MASK) < threshold:
                product = self.next() * n
        return product >> 64

    def shuffle(self, items):
        for i in range(len(items), 1, -1):
            j = self.below(i)
            items[i - 1], items[j] = items[j], items[i - 1]


class Data:
    def __init__(self, path, config, separator):
        raw = pathlib.Path(path).read_bytes()
        magic, width, _, n_documents, n_tokens = struct.unpack("<8sIIQQ", raw[-64:-32])
        assert magic == b"QTOKENS1"
        tokens = np.frombuffer(raw, {2: np.uint16, 4: np.uint32}[width], n_tokens).astype(np.int64)
        at = (n_tokens * width + 7) // 8 * 8
        table = [struct.unpack_from("<QIIII", raw, at + 24 * d) for d in range(n_documents)]
        starts = np.cumsum([0] + [row[1] for row in table])
        self.document = lambda d: tokens[starts[d]:starts[d + 1]]
        held = lambda row: (row[0] >> 11) * 2.0**-53 < config["held_out"]
        self.train = [d for d, row in enumerate(table) if not held(row)]
        held_out = sorted((d for d, row in enumerate(table) if held(row)), key=lambda d: table[d][0])
        self.separator = np.array([separator])
        self.held_out = np.concatenate([self.separator] + [self.document(d) for d in held_out])
        self.seed, self.n_ctx, self.epoch = config["seed"], config["shape"]["n_ctx"], -1
        self.firsts = [0]

    def enter(self, epoch):
        self.epoch = epoch
        rng = Rng(mix(self.seed, epoch, 0))
        order = list(self.train)
        rng.shuffle(order)
        self.stream = np.concatenate([self.separator] + [self.document(d) for d in order])
        self.windows = list(range((len(self.stream) - 1) // self.n_ctx))
        rng.shuffle(self.windows)

    def window(self, index):
        if self.epoch < 0:
            self.enter(0)
        while index >= self.firsts[self.epoch] + len(self.windows):
            self.firsts.append(self.firsts[self.epoch] + len(self.windows))
            self.enter(self.epoch + 1)
        at = self.windows[index - self.firsts[self.epoch]] * self.n_ctx
        return self.stream[at:at + self.n_ctx + 1]


def rate(s, step):
    if step < s["n_warmup"]:
        return s["peak"] * (step + 1) / s["n_warmup"]
    assert s["kind"] == "cosine"
    last = max(s["n_steps"] - 1, 1)
    x = min(max((step - s["n_warmup"]) / max(last - s["n_warmup"], 1), 0), 1)
    return s["min"] + (s["peak"] - s["min"]) * 0.5 * (1 + math.cos(math.pi * x))


def train_torch(folder, config, separator, compiled):
    data = Data(folder / "tokens.bin", config, separator)
    shape, o = config["shape"], config["optimizer"]
    weights = load_file(folder / "checkpoints/step-00000000/weights.safetensors")
    weights = {name: w.requires_grad_() for name, w in weights.items()}
    groups = [{"params": [w for w in weights.values() if w.ndim >= 2], "weight_decay": o["weight_decay"]},
              {"params": [w for w in weights.values() if w.ndim < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(o["beta1"], o["beta2"]), eps=o["eps"], fused=True)
    loss_of = torch.compile(torch_models.loss) if compiled else torch_models.loss
    B, T = config["batch"], shape["n_ctx"]
    micro = config["micro_batch"]
    losses, seconds = [], []
    for step in range(config["schedule"]["n_steps"]):
        start = time.perf_counter()
        total = 0.0
        for first in range(0, B, micro):
            rows = np.stack([data.window(step * B + first + i) for i in range(micro)])
            rows = torch.from_numpy(rows)
            loss = loss_of(weights, shape, rows[:, :-1], rows[:, 1:]) * (micro / B)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), o["clip"])
        for group in optimizer.param_groups:
            group["lr"] = rate(config["schedule"], step)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
        seconds.append(time.perf_counter() - start)
    nats, count = 0.0, 0
    with torch.no_grad():
        stream = torch.from_numpy(data.held_out)
        for at in range(0, len(stream) - 1, T):
            row = stream[at:at + T + 1][None]
            n = row.shape[1] - 1
            nats += torch_models.loss(weights, shape, row[:, :-1], row[:, 1:]).item() * n
            count += n
    return losses, B * T / float(np.median(seconds[5:])), nats / count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quire", default="build/quire")
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--compile", action="store_true", help="PyTorch with torch.compile")
    parser.add_argument("--flags", default="--n-layer 4 --n-embd 128 --n-head 4 --n-ff 352 --vocab 2048 "
                        "-c 128 --batch 16 --held-out 0.05", help="shape and batch for quire pretrain")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "run"
        base = [args.quire, "pretrain", "--out", str(folder), "-t", str(args.threads)]
        subprocess.run(base + ["--data", args.data, "--steps", str(args.steps), "--stop-after", "0",
                               "--eval-every", "0", "--checkpoint-every", "0"] + args.flags.split(),
                       check=True, capture_output=True)
        result = subprocess.run(base + ["--resume", "--json"], check=True, capture_output=True, text=True)
        quire = json.loads(result.stdout)
        metrics = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
        config = json.loads((folder / "config.json").read_text())
        h = subprocess.run([args.quire, "tokenize", str(folder / "model.gguf"), "", "--json"],
                           check=True, capture_output=True, text=True)
        separator = json.loads(h.stdout)["tokens"][0]  # the start token, which is the separator
        losses, torch_speed, torch_held_out = train_torch(folder, config, separator, args.compile)
    speed = float(np.median([m["tokens_per_s"] for m in metrics][5:]))
    apart = max(abs(m["loss"] - loss) for m, loss in zip(metrics[:20], losses))
    print(f"{quire['parameters']} parameters, {args.steps} steps, {args.threads} threads")
    print(f"largest difference of the loss in the first 20 steps: {apart:.2e}")
    print(f"held-out loss: quire {quire['held_out_nats_per_token']:.4f}, PyTorch {torch_held_out:.4f}")
    print(f"tokens/s (median): quire {speed:.0f}, PyTorch {torch_speed:.0f}, ratio {speed / torch_speed:.2f}")


if __name__ == "__main__":
    main()
