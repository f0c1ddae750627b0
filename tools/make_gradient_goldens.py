#!/usr/bin/env python3
"""Makes tests/golden/train/gradients-*.safetensors: weights, tokens, targets, and the loss and its
gradients by PyTorch in f64, of small models. The numbers stored are f32 ("F32") and i32 ("I32");
the loss and the shape are metadata. Needs torch and safetensors.

  python3 tools/make_gradient_goldens.py
"""
import json
import pathlib

import torch
from safetensors.torch import save_file

import torch_models

FOLDER = pathlib.Path(__file__).parent.parent / "tests/golden/train"
CASES = {
    "llama": {"arch": "llama", "n_layer": 2, "n_embd": 24, "n_head": 4, "n_head_kv": 2, "n_ff": 40,
              "n_ctx": 12, "tied": False, "rope_theta": 10000.0},
    "llama-tied": {"arch": "llama", "n_layer": 1, "n_embd": 24, "n_head": 2, "n_head_kv": 1,
                   "n_ff": 32, "n_ctx": 12, "tied": True, "rope_theta": 500.0},
    "gpt2": {"arch": "gpt2", "n_layer": 2, "n_embd": 24, "n_head": 3, "n_head_kv": 3, "n_ff": 40,
             "n_ctx": 12, "tied": True, "rope_theta": 10000.0},
}
N_VOCAB, N_SEQUENCES = 37, 3


def make(name, shape):
    torch.manual_seed(11)
    weights = {}
    for key, dims in torch_models.shapes(shape, N_VOCAB).items():
        centre = 1.0 if key.endswith("norm.weight") else 0.0
        weights[key] = torch.randn(dims) * 0.2 + centre
    tokens = torch.randint(N_VOCAB, (N_SEQUENCES, shape["n_ctx"]))
    targets = torch.randint(N_VOCAB, (N_SEQUENCES, shape["n_ctx"]))
    targets[0, 3] = targets[2, 7] = -1
    exact = {key: w.double().requires_grad_() for key, w in weights.items()}
    loss = torch_models.loss(exact, shape, tokens, targets)
    loss.backward()
    tensors = {key: w.contiguous() for key, w in weights.items()}
    tensors |= {"grad:" + key: w.grad.float().contiguous() for key, w in exact.items()}
    tensors |= {"tokens": tokens.int().flatten(), "targets": targets.int().flatten()}
    metadata = {"loss": repr(loss.item()), "shape": json.dumps(shape),
                "n_vocab": str(N_VOCAB), "n_sequences": str(N_SEQUENCES)}
    save_file(tensors, FOLDER / f"gradients-{name}.safetensors", metadata)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for case, case_shape in CASES.items():
        make(case, case_shape)
