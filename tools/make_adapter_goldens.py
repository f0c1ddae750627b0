#!/usr/bin/env python3
"""Adapters for the tiny models of tests/golden/hf, and the logits PEFT and transformers get with them.

    python3 tools/make_adapter_goldens.py [--out tests/golden/adapter] [NAME ...]

Needs the packages torch, transformers, peft, safetensors, gguf and numpy. A case of LoRA becomes a PEFT folder OUT/NAME,
saved by save_pretrained() as a user's would be, OUT/NAME.json and, where rows keep their order, the same numbers as
OUT/NAME.gguf in llama.cpp's format; a control vector becomes OUT/NAME.gguf and OUT/NAME.json:

    made_by      the reference, on the CPU in f32
    base         the model folder, from tests/golden on
    loras, control_vectors    path (from OUT on) and scale of each
    folder_only  that there is no OUT/NAME.gguf
    layers       first and last layer of the control vectors, where there is a range
    tokens, positions, logits as in tests/golden/hf
"""
import argparse
import json
import pathlib
import shutil

import gguf
import numpy as np
import peft
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
N_PROMPT = 20
LLAMA = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name -> base, architecture in GGUF, PEFT's settings
LORAS = {
    "llama-all": ("hf/llama-bf16", "llama", dict(
        r=4, lora_alpha=6, target_modules=LLAMA + ["embed_tokens", "lm_head"], rank_pattern={"q_proj": 2, "down_proj": 6},
        alpha_pattern={"layers.1.self_attn.k_proj": 9})),
    "llama-rslora-f16": ("hf/llama-bf16", "llama", dict(r=8, lora_alpha=5, use_rslora=True,
                                                        target_modules=["q_proj", "v_proj"])),
    "qwen2": ("hf/qwen2-bf16", "qwen2", dict(r=3, lora_alpha=6, target_modules=LLAMA + ["lm_head"])),
    "gpt2": ("hf/gpt2-f32", "gpt2", dict(r=4, lora_alpha=4, fan_in_fan_out=True,
                                         target_modules=["c_attn", "c_proj", "c_fc"])),
    "falcon-groups": ("hf/falcon-40b", "falcon", dict(
        r=4, lora_alpha=6, target_modules=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"])),
    "falcon-one-key": ("hf/falcon-7b", "falcon", dict(r=2, lora_alpha=3, target_modules=["query_key_value"])),
    "gpt-neox": ("hf/gpt-neox-v4", "gptneox", dict(
        r=4, lora_alpha=6, target_modules=["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"])),
    "deepseek": ("hf/deepseek-v2-v4", "deepseek2", dict(
        r=4, lora_alpha=6, target_modules=["q_proj", "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"])),
}
# Rows of a fused matrix lie otherwise in GGUF, and this script does not move them: only PEFT's folder is made.
PEFT_ONLY = {"falcon", "gptneox", "deepseek2"}

GGUF_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
              "mlp.down_proj": "ffn_down", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up",
              "mlp.c_proj": "ffn_down", "embed_tokens": "token_embd", "lm_head": "output"}


def load(base):
    model = transformers.AutoModelForCausalLM.from_pretrained(ROOT / "tests/golden" / base, dtype=torch.float32,
                                                              attn_implementation="eager")
    return model.eval()


def lora_layers(model):
    return [(name, m) for name, m in model.named_modules() if isinstance(m, peft.tuners.lora.LoraLayer)]


def randomize(model, adapter, seed, dtype):
    """Both matrices: PEFT begins with B = 0, which would change nothing. Rounded to the type they are saved in."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, layer in lora_layers(model):
            for parts in (layer.lora_A, layer.lora_B, layer.lora_embedding_A, layer.lora_embedding_B):
                if adapter not in parts:
                    continue
                w = parts[adapter] if isinstance(parts[adapter], torch.Tensor) else parts[adapter].weight
                w.copy_((0.35 * torch.randn(w.shape, generator=generator)).to(dtype).float())


def gguf_name(module):
    module = module.removeprefix("base_model.model.").removeprefix("model.").removeprefix("transformer.")
    parts = module.split(".")
    if parts[0] in ("layers", "h"):
        return f"blk.{parts[1]}.{GGUF_NAMES['.'.join(parts[2:])]}.weight"
    return GGUF_NAMES[module] + ".weight"


def pairs_of_rows(b, n_head):
    """Rows of each head as GGUF's Llama has them: halves side by side."""
    return b.reshape(n_head, 2, b.shape[0] // n_head // 2, b.shape[1]).swapaxes(1, 2).reshape(b.shape)


def write_gguf(path, model, arch, config, dtype):
    """llama.cpp knows one alpha and the rank of each pair, so other scales go into B."""
    writer = gguf.GGUFWriter(path, arch)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    alpha = 8.0
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, layer in lora_layers(model):
        target = gguf_name(name)
        if "default" in layer.lora_embedding_A:
            a, b = layer.lora_embedding_A["default"].T, layer.lora_embedding_B["default"]
        else:
            a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        a, b = a.detach().numpy(), b.detach().numpy()
        b = b * (layer.scaling["default"] / (alpha / b.shape[1]))
        if arch == "llama" and target.endswith("attn_q.weight"):
            b = pairs_of_rows(b, config.num_attention_heads)
        if arch == "llama" and target.endswith("attn_k.weight"):
            b = pairs_of_rows(b, config.num_key_value_heads)
        kind = np.float16 if dtype == torch.float16 else np.float32
        writer.add_tensor(target + ".lora_a", np.ascontiguousarray(a).astype(kind))
        writer.add_tensor(target + ".lora_b", np.ascontiguousarray(b).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_golden(path, model, base, **what):
    prompt = torch.randint(3, model.config.vocab_size, (N_PROMPT,),
                           generator=torch.Generator().manual_seed(5)).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].float()
    golden = {"made_by": f"tools/make_adapter_goldens.py, transformers {transformers.__version__}, "
                         f"peft {peft.__version__}, f32", "base": base, **what, "tokens": prompt,
              "positions": [0, N_PROMPT // 2, N_PROMPT - 1]}
    golden["logits"] = [[float(f"{x:.7g}") for x in logits[p]] for p in golden["positions"]]
    path.write_text(json.dumps(golden) + "\n")


def make_lora(out, name):
    base, arch, settings = LORAS[name]
    dtype = torch.float16 if name.endswith("f16") else torch.float32
    model = peft.get_peft_model(load(base), peft.LoraConfig(task_type="CAUSAL_LM", bias="none", **settings)).eval()
    randomize(model, "default", seed=len(name), dtype=dtype)
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model.peft_config["default"].base_model_name_or_path = base
    if dtype == torch.float16:
        for _, layer in lora_layers(model):
            layer.lora_A.half(), layer.lora_B.half()
    model.save_pretrained(folder)
    for _, layer in lora_layers(model):
        layer.lora_A.float(), layer.lora_B.float()
    (folder / "README.md").unlink(missing_ok=True)
    if arch not in PEFT_ONLY:
        write_gguf(out / f"{name}.gguf", model, arch, model.config, dtype)
    write_golden(out / f"{name}.json", model, base, loras=[[name, 1.0]],
                 **({"folder_only": True} if arch in PEFT_ONLY else {}))


def make_two(out):
    """Two adapters at once, each with a scale of its own; they share targets."""
    base, scales = "hf/llama-bf16", {"llama-all": 0.75, "llama-rslora-f16": -1.5}
    model = None
    for name in scales:
        if model is None:
            model = peft.PeftModel.from_pretrained(load(base), out / name, adapter_name=name)
        else:
            model.load_adapter(out / name, adapter_name=name)
    model.base_model.set_adapter(list(scales))
    for _, layer in lora_layers(model):
        for name in scales:
            if name in layer.scaling:
                layer.scaling[name] *= scales[name]
    model.float().eval()
    write_golden(out / "llama-two.json", model, base, loras=[list(item) for item in scales.items()])


def make_control_vector(out):
    base = "hf/llama-sharded-f32"
    model = load(base)
    generator = torch.Generator().manual_seed(9)
    directions = {layer: torch.randn(model.config.hidden_size, generator=generator)
                  for layer in range(1, model.config.num_hidden_layers)}
    writer = gguf.GGUFWriter(out / "control-vector.gguf", "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", len(directions))
    for layer, direction in directions.items():
        writer.add_tensor(f"direction.{layer}", direction.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    for name, scale, layers in (("control-vector", 1.0, None), ("control-vector-range", -0.6, [2, 2])):
        hooks = []
        for layer, direction in directions.items():
            if layers is None or layers[0] <= layer <= layers[1]:
                hooks.append(model.model.layers[layer].register_forward_hook(
                    lambda module, inputs, output, d=direction: (output[0] + scale * d, *output[1:])
                    if isinstance(output, tuple) else output + scale * d))
        write_golden(out / f"{name}.json", model, base, control_vectors=[["control-vector.gguf", scale]],
                     **({"layers": layers} if layers else {}))
        for hook in hooks:
            hook.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/golden/adapter")
    parser.add_argument("names", nargs="*")
    flags = parser.parse_args()
    flags.out.mkdir(parents=True, exist_ok=True)
    for name in LORAS:
        if not flags.names or name in flags.names:
            make_lora(flags.out, name)
    if not flags.names or "llama-two" in flags.names:
        make_two(flags.out)
    if not flags.names or "control-vector" in flags.names:
        make_control_vector(flags.out)


if __name__ == "__main__":
    main()
