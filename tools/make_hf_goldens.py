#!/usr/bin/env python3
"""Tiny Hugging Face model folders with random weights, and the logits transformers gets from them.

    python3 tools/make_hf_goldens.py [--out tests/golden/hf] [NAME ...]

Needs the packages torch, transformers, tokenizers, safetensors and numpy. Every case is saved by save_pretrained() into
OUT/NAME, as a user's model would be, and gets OUT/NAME/golden.json:

    made_by        the reference: transformers on the CPU, f32, eager attention
    tokens         the prompt
    positions      the positions whose logits are listed, the last one always among them
    logits         one row of V numbers for each of these positions
    hidden         of an encoder, in place of logits: one row of D numbers for each of these positions
    scores         of an encoder with a classification head: its numbers for the whole text
    text, ids      where the folder has a tokenizer: a text and its ids

The weights are rounded to the type they are saved in before the reference computes with them in f32. Where experts are
chosen, the choice must not hang on rounding: seeds are tried until f64 gives the same.
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
            if name in getattr(model, "fixed_names", ()):
                continue
            if any(part in name.lower() for part in ("norm", ".ln_", "emb_ln")) and w.dim() == 1 or w.dim() == 2 and "_norm" in name:
                zero_centred = "Gemma" in type(model).__name__
                w.copy_(0.2 * noise if name.endswith("bias") or zero_centred else 1 + 0.2 * noise)
            elif name.endswith("bias") or w.dim() == 1:
                w.copy_(0.3 * noise)
            elif "conv1d" in name:
                w.copy_(0.7 * noise)
            elif type(model).__name__.startswith("GptOss") and ".experts." in name:
                w.copy_(1.5 / math.sqrt(w.shape[1]) * noise)
            elif w.shape[0] == model.config.vocab_size:
                w.copy_(0.5 * noise)
            else:
                conv1d = "c_" in name.split(".")[-2] and "GPT2" in type(model).__name__
                w.copy_(1.5 / math.sqrt(w.shape[0] if conv1d else w.shape[-1]) * noise)
    return model.eval()


BASE = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=48, max_position_embeddings=128, bos_token_id=1, eos_token_id=2, pad_token_id=None,
            attn_implementation="eager")


def rope(**values):
    return {"rope_theta": 10000.0, "rope_type": "default", **values}


def cases():
    """name -> (config, options): dtype, shards (bytes in each file), f8 (rows and columns of a block, or "matrix" or
    "row"), tokenizer."""
    t = transformers
    llama = lambda **more: t.LlamaConfig(**{**BASE, "rope_parameters": rope(), "tie_word_embeddings": False, **more})
    yield "llama-bf16", llama(), dict(dtype=torch.bfloat16, tokenizer="bytes")
    yield "llama-sharded-f32", llama(tie_word_embeddings=True, num_hidden_layers=3), dict(shards="30KB")
    yield "llama-f8", llama(attention_bias=True), dict(dtype=torch.bfloat16, f8=(16, 24))
    yield "llama-f8-matrix", llama(), dict(dtype=torch.bfloat16, f8="matrix")
    yield "llama-f8-row", llama(), dict(dtype=torch.bfloat16, f8="row")
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
    yield "qwen2-window-v4", t.Qwen2Config(
        **{**BASE, "num_hidden_layers": 3}, rope_parameters=rope(), use_sliding_window=True, sliding_window=7,
        max_window_layers=1, tie_word_embeddings=True), dict(dtype=torch.bfloat16, edit=lambda c: c.pop("layer_types"))
    yield from decoders()
    yield from expert_models()
    yield from encoders()


def old_rope(theta, scaling=None, **more):
    """config.json as transformers 4 wrote it."""
    def rewrite(config):
        config.pop("rope_parameters")
        config.pop("layer_types", None)
        config.update(rope_theta=theta, rope_scaling=scaling, **more)
    return rewrite


def decoders():
    t = transformers
    small = {**BASE, "hidden_size": 24, "intermediate_size": 40, "rope_parameters": rope()}
    half = dict(dtype=torch.bfloat16)
    yield "qwen3-f8", t.Qwen3Config(**BASE, head_dim=16, rope_parameters=rope()), dict(dtype=torch.bfloat16, f8=(16, 16))
    yield "qwen2-rope-yarn-v4", t.Qwen2Config(
        **BASE, tie_word_embeddings=True, rope_parameters=rope(
            rope_type="yarn", factor=4.0, original_max_position_embeddings=32)), dict(edit=old_rope(
                10000.0, {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}), n_prompt=48, **half)
    yield "llama-rope-linear-v4", t.LlamaConfig(
        **BASE, tie_word_embeddings=True, rope_parameters=rope(rope_type="linear", factor=4.0)), dict(
            edit=old_rope(10000.0, {"type": "linear", "factor": 4.0}), dtype=torch.float16)
    yield "gemma-bf16", t.GemmaConfig(**{**small, "num_key_value_heads": 1}, head_dim=8), half
    yield "gemma2-bf16", t.Gemma2Config(
        **small, head_dim=8, query_pre_attn_scalar=12, sliding_window=9, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0), half
    gemma3 = {**small, "num_hidden_layers": 7, "rope_parameters": {
        "full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0},
        "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}}}
    yield "gemma3-bf16", t.Gemma3TextConfig(**gemma3, head_dim=8, query_pre_attn_scalar=8, sliding_window=9), half
    # A model that also sees, as the first release was saved: only what differs is stated.
    yield "gemma3-with-eyes", t.Gemma3TextConfig(
        **{**gemma3, "num_attention_heads": 8, "num_key_value_heads": 4, "num_hidden_layers": 2}, head_dim=16,
        query_pre_attn_scalar=256, sliding_window=9), dict(dtype=torch.bfloat16, edit=nested_gemma3, rename=lambda name: (
            "language_model." + name if not name.startswith("lm_head") else name))
    yield "phi3-longrope-v4", t.Phi3Config(
        **{**small, "max_position_embeddings": 64}, sliding_window=None, original_max_position_embeddings=32, tie_word_embeddings=True,
        ) , dict(before=lambda c: c.__setattr__("rope_parameters", rope(
            rope_type="longrope", short_factor=[1.0, 1.3, 2.0], long_factor=[1.5, 4.0, 9.0],
            original_max_position_embeddings=32, partial_rotary_factor=1.0)), n_prompt=48, edit=old_rope(10000.0, {
                "type": "su", "short_factor": [1.0, 1.3, 2.0], "long_factor": [1.5, 4.0, 9.0]}), **half)
    yield "phi3-window", t.Phi3Config(
        **{**small, "hidden_size": 32, "rope_parameters": rope(partial_rotary_factor=0.5)}, sliding_window=9,
        tie_word_embeddings=True), half
    neox = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
                max_position_embeddings=64, bos_token_id=1, eos_token_id=2, attn_implementation="eager")
    yield "gpt-neox-v4", t.GPTNeoXConfig(**neox, rope_parameters=rope(partial_rotary_factor=0.25)), dict(
        edit=lambda c: (c.pop("rope_parameters"), c.update(rotary_pct=0.25, rotary_emb_base=10000)), **half)
    yield "olmo2-bf16", t.Olmo2Config(**small), half
    yield "olmo3-window", t.Olmo3Config(**{**small, "num_hidden_layers": 4, "rope_parameters": {
        "full_attention": rope(rope_theta=5e5, rope_type="yarn", factor=4.0, original_max_position_embeddings=32,
                               attention_factor=1.2), "sliding_attention": rope(rope_theta=5e5)}}, sliding_window=9), half
    yield "smollm3-bf16", t.SmolLM3Config(**{**small, "num_hidden_layers": 5, "pad_token_id": 0}, tie_word_embeddings=True), half
    yield "granite-bf16", t.GraniteConfig(**small, embedding_multiplier=1.5, attention_multiplier=0.3,
                                          residual_multiplier=0.8, logits_scaling=1.7, tie_word_embeddings=True), half
    yield "starcoder2-window", t.Starcoder2Config(**small, sliding_window=9), half
    yield "stablelm-v4", t.StableLmConfig(
        **{**small, "hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "rope_parameters": None},
        use_qkv_bias=True), dict(edit=lambda c: (c.pop("rope_parameters"), c.pop("use_parallel_residual")), **half)
    yield "stablelm-parallel", t.StableLmConfig(
        **{**small, "rope_parameters": rope(partial_rotary_factor=0.67)}, use_parallel_residual=True,
        qk_layernorm=True), half
    falcon = dict(vocab_size=96, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, bos_token_id=1,
                  eos_token_id=2, attn_implementation="eager", bias=False)
    yield "falcon-7b", t.FalconConfig(**falcon, multi_query=True), half
    yield "falcon-40b", t.FalconConfig(**falcon, num_kv_heads=2, new_decoder_architecture=True), half
    yield "command-r-plus", t.CohereConfig(**small, use_qk_norm=True, logit_scale=0.7), half
    yield "cohere2-window", t.Cohere2Config(**{**small, "num_hidden_layers": 4}, sliding_window=9, logit_scale=0.7), half
    yield "mamba2-bf16", t.Mamba2Config(
        vocab_size=96, hidden_size=24, num_hidden_layers=2, num_heads=4, head_dim=12, state_size=8, n_groups=2, expand=2,
        conv_kernel=4, chunk_size=8, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2), half


def nested_gemma3(config):
    text = {key: config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "head_dim", "sliding_window")}
    text.update(model_type="gemma3_text", rope_scaling={"factor": 8.0, "rope_type": "linear"})
    config.clear()
    config.update(architectures=["Gemma3ForConditionalGeneration"], model_type="gemma3", text_config=text,
                  vision_config={"model_type": "siglip_vision_model"}, eos_token_id=[1, 106])


def expert_models():
    t = transformers
    sizes = {**BASE, "hidden_size": 24, "intermediate_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1,
             "experts_implementation": "eager", "rope_parameters": rope()}
    half = dict(dtype=torch.bfloat16, steady=True)
    yield "mixtral-bf16", t.MixtralConfig(**{**sizes, "intermediate_size": 12}, num_local_experts=4, head_dim=8,
                                          num_experts_per_tok=2, sliding_window=None), half
    yield "qwen2-moe-bf16", t.Qwen2MoeConfig(
        **sizes, moe_intermediate_size=8, shared_expert_intermediate_size=20, num_experts=6, num_experts_per_tok=2,
        norm_topk_prob=False), half
    # Layers without experts: every other one and the last, the first.
    yield "qwen2-moe-dense", t.Qwen2MoeConfig(
        **{**sizes, "num_hidden_layers": 4}, moe_intermediate_size=8, shared_expert_intermediate_size=12, num_experts=4,
        num_experts_per_tok=2, norm_topk_prob=False, decoder_sparse_step=2, mlp_only_layers=[3]), half
    yield "qwen3-moe-dense", t.Qwen3MoeConfig(
        **sizes, moe_intermediate_size=8, num_experts=6, num_experts_per_tok=3, norm_topk_prob=True, head_dim=16,
        mlp_only_layers=[0]), half
    yield "qwen3-moe-f8", t.Qwen3MoeConfig(
        **sizes, moe_intermediate_size=8, num_experts=6, num_experts_per_tok=3, norm_topk_prob=True, head_dim=16), dict(
            f8=(8, 8), **half)
    mla = {**sizes, "num_attention_heads": 2, "num_key_value_heads": 2, "moe_intermediate_size": 8, "kv_lora_rank": 16,
           "n_routed_experts": 8, "num_experts_per_tok": 3, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 12,
           "first_k_dense_replace": 1}
    yarn = rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=32, mscale=0.707, mscale_all_dim=0.707,
                beta_fast=32, beta_slow=1)
    yield "deepseek-v2-v4", t.DeepseekV2Config(
        **{**mla, "rope_parameters": yarn}, q_lora_rank=None, n_group=1, topk_group=1, n_shared_experts=2), dict(
            edit=old_rope(10000.0, {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "mscale": 0.707,
                                      "mscale_all_dim": 0.707, "beta_fast": 32, "beta_slow": 1},
                            scoring_func="softmax", moe_layer_freq=1), n_prompt=48, **half)
    yield "deepseek-v3-f8", t.DeepseekV3Config(
        **mla, q_lora_rank=24, n_group=4, topk_group=2, routed_scaling_factor=1.5, norm_topk_prob=True,
        n_shared_experts=1), dict(f8=(8, 8), edit=lambda c: c.update(
            topk_method="noaux_tc", scoring_func="sigmoid", num_nextn_predict_layers=1), **half)
    oss = t.GptOssConfig(
        **{**sizes, "hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2,
           "rope_parameters": rope(rope_theta=150000.0, rope_type="yarn", factor=8.0, beta_fast=32.0, beta_slow=1.0,
                                   truncate=False, original_max_position_embeddings=32)},
        num_local_experts=4, num_experts_per_tok=2, head_dim=8, sliding_window=16)
    yield "gpt-oss-mxfp4", oss, dict(mxfp4=True, n_prompt=48, **half)
    yield "gpt-oss-bf16", oss, half


def encoders():
    t = transformers
    sizes = dict(vocab_size=80, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
                 attn_implementation="eager", pad_token_id=0)
    half = dict(dtype=torch.bfloat16)
    mean = {"1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}}
    yield "bert-mean", t.BertConfig(**sizes, max_position_embeddings=32), dict(auto=t.BertModel, files=mean, **half)
    yield "bert-rank", t.BertConfig(**sizes, max_position_embeddings=32, num_labels=1), dict(
        auto=t.BertForSequenceClassification, dtype=torch.float32)
    yield "xlm-roberta-rank", t.XLMRobertaConfig(
        **{**sizes, "pad_token_id": 1}, max_position_embeddings=34, type_vocab_size=1, num_labels=3), dict(
            auto=t.XLMRobertaForSequenceClassification, **half)
    yield "nomic-bert", t.NomicBertConfig(**sizes, head_dim=8, max_position_embeddings=64), dict(
        auto=t.NomicBertModel, files=mean, edit=hub_nomic, **half)
    modern = dict(sizes, num_hidden_layers=4, intermediate_size=24, local_attention=12, max_position_embeddings=64,
                  cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3)
    yield "modern-bert-v4", t.ModernBertConfig(**modern), dict(auto=t.ModernBertModel, edit=lambda c: (
        c.pop("rope_parameters"), c.pop("layer_types"), c.update(
            global_rope_theta=160000.0, local_rope_theta=10000.0, global_attn_every_n_layers=3)), **half)
    yield "modern-bert-rank", t.ModernBertConfig(**modern, num_labels=1), dict(
        auto=t.ModernBertForSequenceClassification, **half)


def hub_nomic(config):
    """The fields of the published model, which brings code of its own."""
    names = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
             "intermediate_size": "n_inner", "max_position_embeddings": "n_positions", "layer_norm_eps": "layer_norm_epsilon"}
    for ours, theirs in names.items():
        config[theirs] = config.pop(ours)
    for gone in ("rope_parameters", "head_dim", "hidden_act"):
        config.pop(gone)
    config.update(activation_function="swiglu", rotary_emb_base=1000, rotary_emb_fraction=1.0, prenorm=False)


def round_to(model, dtype):
    with torch.no_grad():
        for w in model.parameters():
            w.copy_(w.to(dtype).float())


def f8_round(model, block):
    """Matrices of the layers as 8-bit floats and one scale per block; the model gets what a reader decodes."""
    stored = {}
    with torch.no_grad():
        for name, w in model.named_parameters():
            if w.dim() < 2 or "layers." not in name or name.endswith((".gate.weight", "_norm.weight")):
                w.copy_(w.bfloat16().float())
                continue
            for number, matrix in enumerate(w if w.dim() == 3 else [w]):  # experts are one tensor in memory
                key = f"{name}#{number}" if w.dim() == 3 else name
                if isinstance(block, tuple):
                    stored[key], stored[key + "_scale_inv"] = f8_blocks(matrix, block)
                    continue
                whole = (matrix.shape[0] if block == "matrix" else 1, matrix.shape[1])
                stored[key], scales = f8_blocks(matrix, whole)
                stored[key + "_scale"] = scales.reshape(()) if block == "matrix" else scales
                if block == "matrix":  # of activations, which a reader need not round
                    stored[key.removesuffix("weight") + "input_scale"] = torch.ones(())
    return stored


def f8_blocks(w, block):
    rows, columns = (math.ceil(w.shape[0] / block[0]), math.ceil(w.shape[1] / block[1]))
    scales = torch.zeros(rows, columns)
    eights = torch.zeros(w.shape, dtype=torch.float8_e4m3fn)
    for r in range(rows):
        for c in range(columns):
            at = (slice(r * block[0], (r + 1) * block[0]), slice(c * block[1], (c + 1) * block[1]))
            scales[r, c] = w[at].abs().max() / 448
            eights[at] = (w[at] / scales[r, c]).to(torch.float8_e4m3fn)
            w[at] = (eights[at].float() * scales[r, c]).bfloat16().float()
    return eights, scales


def unfused(stored):
    """Experts by the names that checkpoints have: gate and up apart, a matrix for each."""
    out = {}
    for name, w in stored.items():
        if "#" not in name:
            out[name] = w
            continue
        stem, number = name.split("#")
        number, _, scale = number.partition("_")
        stem, part = stem.rsplit(".", 1)
        parts = {"gate_proj": w.chunk(2)[0], "up_proj": w.chunk(2)[1]} if part == "gate_up_proj" else {part: w}
        for each, matrix in parts.items():
            out[f"{stem}.{number}.{each}.weight" + ("_" + scale if scale else "")] = matrix.contiguous()
    return out


def add_f8(folder, stored, block):
    path = folder / "model.safetensors"
    tensors = {**safetensors.torch.load_file(path), **stored}
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {
        "matrix": {"quant_method": "fp8", "activation_scheme": "static"},
        "row": {"quant_method": "compressed-tensors", "format": "float-quantized"},
    }.get(block) or {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": list(block), "activation_scheme": "dynamic"}
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


def mxfp4_round(model, seed):
    """Experts as blocks of 32 four-bit floats with a power of two each; the model gets what a reader decodes."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    levels = torch.cat([levels, -levels])
    stored = {}
    with torch.no_grad():
        for name, w in model.named_parameters():
            if not name.endswith(("gate_up_proj", "down_proj")):
                continue
            n_experts, n_in, n_out = w.shape
            nibbles = torch.randint(0, 16, (n_experts, n_out, n_in // 32, 32), generator=generator)
            scales = torch.randint(123, 127, (n_experts, n_out, n_in // 32), generator=generator)
            values = levels[nibbles] * torch.exp2(scales.float() - 127).unsqueeze(-1)
            w.copy_(values.reshape(n_experts, n_out, n_in).transpose(1, 2))
            stored[name + "_blocks"] = (nibbles[..., ::2] | nibbles[..., 1::2] << 4).to(torch.uint8)
            stored[name + "_scales"] = scales.to(torch.uint8)
            stored[name] = None
    return stored


def steady(model, ids):
    """Whether f64 chooses the same experts everywhere."""
    ours = model(torch.tensor([ids])).logits[0]
    exact = model.double()(torch.tensor([ids])).logits[0]
    model.float()
    return (ours - exact).abs().max().item() < 2e-4


def results(model, prompt, positions):
    out = model(torch.tensor([prompt]), output_hidden_states=True)
    rounded = lambda row: [float(f"{x:.7g}") for x in row]
    if hasattr(out, "logits") and out.logits.dim() == 3:
        return {"logits": [rounded(out.logits[0][p]) for p in positions]}
    hidden = out.last_hidden_state if hasattr(out, "last_hidden_state") else out.hidden_states[-1]
    found = {"hidden": [rounded(hidden[0][p]) for p in positions]}
    if hasattr(out, "logits"):
        found["scores"] = rounded(out.logits[0])
    return found


def rewrite(folder, edit, rename, stored):
    """What save_pretrained() wrote, as other versions and tools write it."""
    path = folder / "config.json"
    if edit:
        values = json.loads(path.read_text())
        edit(values)
        path.write_text(json.dumps(values, indent=1) + "\n")
    path = folder / "model.safetensors"
    if rename or stored:
        tensors = {**safetensors.torch.load_file(path), **stored}
        tensors = {rename(name) if rename else name: w for name, w in tensors.items() if w is not None}
        safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def make(out, name, config, dtype=torch.float32, shards="5GB", f8=None, tokenizer=None, auto=None, steady=False,
         mxfp4=False, n_prompt=N_PROMPT, before=None, files=None, **changes):
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    if before:
        before(config)
    create = getattr(auto or transformers.AutoModelForCausalLM, "_from_config" if auto else "from_config")
    draw = torch.Generator().manual_seed(2)
    prompt = torch.randint(3, config.vocab_size, (n_prompt,), generator=draw).tolist()
    for seed in range(1, 100):
        torch.manual_seed(seed)
        model = randomize(create(config, dtype=torch.float32), seed)
        for key, buffer in model.named_buffers():
            if key.endswith("e_score_correction_bias"):
                buffer.copy_(0.2 * torch.randn(buffer.shape))
        stored = f8_round(model, f8) if f8 else {}
        stored.update(mxfp4_round(model, seed) if mxfp4 else {})
        if not f8:
            expert = {n for n in stored if stored[n] is None}
            with torch.no_grad():
                for key, w in model.named_parameters():
                    if key not in expert:
                        w.copy_(w.to(dtype).float())
        with torch.no_grad():
            if not steady or globals()["steady"](model, prompt):
                break
    positions = [0, n_prompt // 2, n_prompt - 1]
    golden = {"made_by": f"tools/make_hf_goldens.py, transformers {transformers.__version__}, f32, eager attention",
              "tokens": prompt, "positions": positions}
    with torch.no_grad():
        golden.update(results(model, prompt, positions))
    model.to(dtype).save_pretrained(folder, max_shard_size=shards)
    if f8:
        add_f8(folder, unfused(stored), f8)
        stored = {}
    rewrite(folder, changes.get("edit"), changes.get("rename"), stored)
    for path, content in (files or {}).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(content) + "\n")
    if tokenizer:
        fast = byte_tokenizer(config.vocab_size)
        fast.save_pretrained(folder)
        golden["text"] = "the cat and the Dog, it's here!"
        golden["ids"] = fast(golden["text"])["input_ids"]
    else:
        (folder / "generation_config.json").unlink(missing_ok=True)
    rows = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    (folder / "golden.json").write_text("{\n" + rows + "\n}\n")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{name:26} {size / 1000:6.0f} kB  seed {seed}  {', '.join(sorted(path.name for path in folder.iterdir()))}")


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
