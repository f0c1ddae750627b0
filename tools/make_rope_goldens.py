#!/usr/bin/env python3
"""Positions stretched on request: the logits transformers gets from models of tests/golden/hf with another rotary embedding
than their config.json has.

    python3 tools/make_rope_goldens.py [--out tests/golden/rope]

Needs the packages torch and transformers. OUT/NAME.json has

    made_by      the reference, on the CPU in f32
    base         the model folder, from tests/golden on
    flags        of `quire logits`, without the two dashes, with their values
    tokens, positions, logits as in tests/golden/hf; the prompt is longer than what the model was trained for

The flags are llama.cpp's. --yarn-attn-factor multiplies what YaRN does to the length of turned vectors, 0.1 ln(factor) + 1,
while transformers' attention_factor takes its place; without --yarn-ext-factor there is neither mixing nor that.
"""
import argparse
import json
import math
import pathlib

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLAIN, YARN = "hf/llama-sharded-f32", "hf/llama-rope-yarn"  # trained with 128 positions; 32, stretched to 128

# name -> base, flags, transformers' rope_parameters, length of the prompt
CASES = {
    "linear": (PLAIN, {"rope-scaling": "linear", "rope-scale": 4}, {"rope_type": "linear", "factor": 4.0}, 150),
    "freq-scale": (PLAIN, {"rope-freq-scale": 0.5}, {"rope_type": "linear", "factor": 2.0}, 150),
    "freq-base": (PLAIN, {"rope-freq-base": 65000}, {"rope_type": "default", "rope_theta": 65000.0}, 120),
    "linear-freq-base": (PLAIN, {"rope-scaling": "linear", "rope-scale": 1.5, "rope-freq-base": 20000},
                         {"rope_type": "linear", "factor": 1.5, "rope_theta": 20000.0}, 150),
    "yarn": (PLAIN, {"rope-scaling": "yarn", "rope-scale": 4},
             {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}, 150),
    "yarn-betas": (PLAIN, {"rope-scaling": "yarn", "rope-scale": 8, "yarn-orig-ctx": 64, "yarn-beta-fast": 12,
                           "yarn-beta-slow": 2},
                   {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64, "beta_fast": 12.0,
                    "beta_slow": 2.0}, 150),
    "yarn-attn-factor": (PLAIN, {"rope-scaling": "yarn", "rope-scale": 4, "yarn-attn-factor": 1.2},
                         {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128,
                          "attention_factor": 1.2 * (0.1 * math.log(4) + 1)}, 150),
    "yarn-no-mixing": (PLAIN, {"rope-scaling": "yarn", "rope-scale": 4, "yarn-ext-factor": 0},
                       {"rope_type": "linear", "factor": 4.0}, 150),
    "of-yarn-none": (YARN, {"rope-scaling": "none"}, {"rope_type": "default"}, 30),
    "of-yarn-linear": (YARN, {"rope-scaling": "linear", "rope-scale": 2}, {"rope_type": "linear", "factor": 2.0}, 60),
    "of-yarn-longer": (YARN, {"rope-scale": 6},
                       {"rope_type": "yarn", "factor": 6.0, "original_max_position_embeddings": 32}, 150),
}


def make(out, name):
    base, flags, rope, n_prompt = CASES[name]
    folder = ROOT / "tests/golden" / base
    config = transformers.AutoConfig.from_pretrained(folder)
    config.rope_parameters = {"rope_theta": 10000.0, **rope}
    config.max_position_embeddings = 256
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32,
                                                              attn_implementation="eager").eval()
    prompt = torch.randint(3, config.vocab_size, (n_prompt,), generator=torch.Generator().manual_seed(3)).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].float()
    golden = {"made_by": f"tools/make_rope_goldens.py, transformers {transformers.__version__}, f32, eager attention",
              "base": base, "flags": flags, "tokens": prompt, "positions": [1, n_prompt // 2, n_prompt - 1]}
    golden["logits"] = [[float(f"{x:.7g}") for x in logits[p]] for p in golden["positions"]]
    (out / f"{name}.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/golden/rope")
    flags = parser.parse_args()
    flags.out.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        make(flags.out, name)


if __name__ == "__main__":
    main()
