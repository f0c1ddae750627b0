#!/usr/bin/env python3
"""Tiny Hugging Face model folders with random weights, and the logits transformers gets from them.

    python3 tools/make_hf_goldens.py [--out tests/golden/hf] [NAME ...]

Needs the packages torch, transformers, tokenizers, safetensors and numpy. Every case is saved by save_pretrained() into
OUT/NAME, as a user's model would be, and gets OUT/NAME/golden.json:

    made_by        the reference: transformers on the CPU, f32, eager attention
    tokens         the prompt
    positions      the positions whose logits are listed, the last one always among them
    logits         one row of V numbers for each of these positions
    text, ids      where the folder has a tokenizer: a text and its ids

The weights are rounded to the type they are saved in before the reference computes with them in f32.
"""
import argparse
import json
import math
import pathlib
import shutil

import safetensors.torch
import tokenizers
import torch
import transformers

N_PROMPT = 24


def randomize(model, seed):
    """Weights large enough that every part of the model is heard in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, w in model.named_parameters():
            noise = torch.randn(w.shape, generator=generator)
            if "norm" in name or ".ln_" in name or "layernorm" in name:
                zero_centred = "Gemma" in type(model).__name__
                w.copy_(0.2 * noise if name.endswith("bias") or zero_centred else 1 + 0.2 * noise)
            elif name.endswith("bias") or w.dim() == 1:
                w.copy_(0.3 * noise)
            elif w.shape[0] == model.config.vocab_size:
                w.copy_(0.5 * noise)
            else:
                conv1d = "c_" in name.split(".")[-2]
                w.copy_(1.5 / math.sqrt(w.shape[0] if conv1d else w.shape[-1]) * noise)
    return model.eval()


BASE = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=48, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=None,
            attn_implementation="eager")


def rope(**values):
    return {"rope_theta": 10000.0, "rope_type": "default", **values}


def cases():
    """name -> (config, options): dtype, shards (bytes in each file), f8 (rows and columns of a block), tokenizer."""
    t = transformers
    llama = lambda **more: t.LlamaConfig(**{**BASE, "rope_parameters": rope(), "tie_word_embeddings": False, **more})
    yield "llama-bf16", llama(), dict(dtype=torch.bfloat16, tokenizer="bytes")
    yield "llama-sharded-f32", llama(tie_word_embeddings=True, num_hidden_layers=3), dict(shards="30KB")
    yield "llama-f8", llama(attention_bias=True), dict(dtype=torch.bfloat16, f8=(16, 24))
    yield "llama-rope-llama3-f16", llama(
        head_dim=16, rope_parameters=rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                          original_max_position_embeddings=32)), dict(dtype=torch.float16)
    yield "llama-rope-yarn", llama(
        rope_parameters=rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)), dict()
    yield "mistral-bf16", t.MistralConfig(**BASE, head_dim=12, rope_parameters=rope(), sliding_window=None), dict(
        dtype=torch.bfloat16)
    yield "mistral-window-bf16", t.MistralConfig(**BASE, rope_parameters=rope(), sliding_window=7), dict(
        dtype=torch.bfloat16)
    yield "gpt2-f32", t.GPT2Config(vocab_size=96, n_embd=24, n_layer=2, n_head=3, n_positions=64, bos_token_id=1,
                                   eos_token_id=2, attn_implementation="eager"), dict()
    yield "qwen2-bf16", t.Qwen2Config(**BASE, rope_parameters=rope(), tie_word_embeddings=True), dict(
        dtype=torch.bfloat16)


def round_to(model, dtype):
    with torch.no_grad():
        for w in model.parameters():
            w.copy_(w.to(dtype).float())


def f8_round(model, block):
    """Matrices of the layers as 8-bit floats and one scale per block; the model gets what a reader decodes."""
    stored = {}
    with torch.no_grad():
        for name, w in model.named_parameters():
            if w.dim() != 2 or "layers." not in name:
                w.copy_(w.bfloat16().float())
                continue
            rows, columns = (math.ceil(w.shape[0] / block[0]), math.ceil(w.shape[1] / block[1]))
            scales = torch.zeros(rows, columns)
            eights = torch.zeros(w.shape, dtype=torch.float8_e4m3fn)
            for r in range(rows):
                for c in range(columns):
                    at = (slice(r * block[0], (r + 1) * block[0]), slice(c * block[1], (c + 1) * block[1]))
                    scales[r, c] = w[at].abs().max() / 448
                    eights[at] = (w[at] / scales[r, c]).to(torch.float8_e4m3fn)
                    w[at] = (eights[at].float() * scales[r, c]).bfloat16().float()
            stored[name], stored[name + "_scale_inv"] = eights, scales
    return stored


def add_f8(folder, stored, block):
    path = folder / "model.safetensors"
    tensors = {**safetensors.torch.load_file(path), **stored}
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": list(block),
                                     "activation_scheme": "dynamic"}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def byte_tokenizer(n_vocab):
    """Letters and the space as Llama 3 cuts them, with a start token before every text."""
    pieces = ["<unk>", "<s>", "</s>", "<|end|>", "\u0120", *"abcdefghijklmnopqrstuvwxyz.,!?'ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("a", "n"), ("an", "d"), ("\u0120", "and")]
    vocab = {piece: i for i, piece in enumerate(pieces + [a + b for a, b in merges])}
    assert len(vocab) <= n_vocab
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"),
         tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>", "<|end|>"])
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = "{% for m in messages %}<s>{{ m.role }} {{ m.content }}<|end|>{% endfor %}"
    return fast


def make(out, name, config, dtype=torch.float32, shards="5GB", f8=None, tokenizer=None, auto=None):
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(1)
    model = randomize((auto or transformers.AutoModelForCausalLM).from_config(config, dtype=torch.float32), seed=1)
    stored = f8_round(model, f8) if f8 else {}
    round_to(model, dtype)
    prompt = torch.randint(3, config.vocab_size, (N_PROMPT,), generator=torch.Generator().manual_seed(2)).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0].float()
    golden = {"made_by": f"tools/make_hf_goldens.py, transformers {transformers.__version__}, f32, eager attention",
              "tokens": prompt, "positions": [0, N_PROMPT // 2, N_PROMPT - 1]}
    golden["logits"] = [[float(f"{x:.7g}") for x in logits[p]] for p in golden["positions"]]
    model.to(dtype).save_pretrained(folder, max_shard_size=shards)
    if f8:
        add_f8(folder, stored, f8)
    if tokenizer:
        fast = byte_tokenizer(config.vocab_size)
        fast.save_pretrained(folder)
        golden["text"] = "the cat and the Dog, it's here!"
        golden["ids"] = fast(golden["text"])["input_ids"]
    rows = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    (folder / "golden.json").write_text("{\n" + rows + "\n}\n")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name:26} {size / 1000:6.0f} kB  {', '.join(sorted(path.name for path in folder.iterdir()))}")


def main():
    parser = argparse.ArgumentParser(description="Write tiny Hugging Face folders and their reference numbers.")
    parser.add_argument("names", nargs="*", help="only these cases")
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parents[1] / "tests/golden/hf"))
    arguments = parser.parse_args()
    for name, config, options in cases():
        if not arguments.names or name in arguments.names:
            make(pathlib.Path(arguments.out), name, config, **options)


if __name__ == "__main__":
    main()
