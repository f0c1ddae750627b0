#!/usr/bin/env python3
"""Tiny models that are more than dense layers (mixtures of experts, compressed attention, recurrent states), and the
numbers a reference implementation gets from them.

    python3 tools/make_expert_goldens.py [--out tests/golden/model] [--only NAME]

The files are those of make_model_goldens.py, which says what is in them. A choice of experts that hangs on rounding
would be no fair test: every seed is also run in f64, and taken only when all logits agree.
"""
import argparse
import math
import pathlib

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as QType

from golden_decoders import halves_from_pairs, pairs_from_halves
from golden_models import add_gpt2_vocabulary, add_llama_vocabulary, fair, reference, write_case

F64_DIFFERENCE_MAX = 2e-4  # of logits: rounding makes about 1e-5, another expert more than 1e-2

NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "self_attn.sinks": "attn_sinks", "post_attention_layernorm": "ffn_norm",
         "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
         "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
         "mlp.router": "ffn_gate_inp", "mlp.experts": "exps", "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
         "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
         "mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
         "mlp.shared_experts.down_proj": "ffn_down_shexp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
         "mixer.in_proj": "ssm_in", "mixer.conv1d": "ssm_conv1d", "mixer.norm": "ssm_norm", "mixer.out_proj": "ssm_out",
         "norm": "attn_norm"}
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
       "lm_head.weight": "output.weight", "backbone.embeddings.weight": "token_embd.weight",
       "backbone.norm_f.weight": "output_norm.weight"}


class Case:
    """A parameter of the reference is one or more tensors of the file: pieces() and, back again, whole()."""
    script = "make_expert_goldens.py"
    first_id = 3
    n_prompt = 40

    def model(self):
        return getattr(transformers, self.reference)(self.config)

    def gguf_name(self, name):
        if name in TOP:
            return TOP[name]
        _, _, layer, *middle = name.split(".")
        kind = middle.pop() if middle[-1] in ("weight", "bias") else "weight"
        return f"blk.{layer}.{NAMES['.'.join(middle)]}.{kind}"

    def pieces(self, name, w):
        prefix = ".".join(name.split(".")[1:3]).replace("layers", "blk") + "."
        if name.endswith("experts.gate_up_proj"):
            gate, up = np.split(w, 2, axis=1)
            return {prefix + "ffn_gate_exps.weight": gate, prefix + "ffn_up_exps.weight": up}
        if name.endswith("experts.down_proj"):
            return {prefix + "ffn_down_exps.weight": w}
        return {self.gguf_name(name): w}

    def whole(self, name, pieces):
        return np.concatenate(list(pieces.values()), axis=1) if len(pieces) > 1 else next(iter(pieces.values()))

    def kind(self, name, w, qtype):
        """Routers, norms and small tables stay f32, as llama.cpp keeps them."""
        small = any(part in name for part in ("ffn_gate_inp", "norm", "ssm_conv1d", ".bias", "ssm_a", "ssm_d"))
        return QType.F32 if small or w.ndim < 2 else qtype

    def write_common(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_context_length(c.max_position_embeddings)
        writer.add_embedding_length(c.hidden_size)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_head_count(c.num_attention_heads)
        writer.add_head_count_kv(c.num_key_value_heads)
        writer.add_layer_norm_rms_eps(c.rms_norm_eps)
        rope = c.rope_parameters
        writer.add_rope_freq_base(rope["rope_theta"])
        if rope["rope_type"] == "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])

    def write_heads(self, writer):
        writer.add_key_length(self.config.head_dim)
        writer.add_value_length(self.config.head_dim)
        writer.add_rope_dimension_count(self.config.head_dim)


def sizes(**more):
    return dict(vocab_size=288, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1,
                max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=1,
                eos_token_id=2, attn_implementation="eager", experts_implementation="eager") | more


class Mixtral(Case):
    arch, reference = gguf.MODEL_ARCH.LLAMA, "MixtralForCausalLM"

    def __init__(self, **more):
        self.config = transformers.MixtralConfig(**(sizes(
            head_dim=8, intermediate_size=12, num_local_experts=4, num_experts_per_tok=2, sliding_window=None) | more))

    def heads(self, name):
        c = self.config
        return {"q_proj": c.num_attention_heads, "k_proj": c.num_key_value_heads}.get(name.split(".")[-2])

    def pieces(self, name, w):
        return super().pieces(name, pairs_from_halves(w, self.heads(name)) if self.heads(name) else w)

    def whole(self, name, pieces):
        w = super().whole(name, pieces)
        return halves_from_pairs(w, self.heads(name)) if self.heads(name) else w

    def write(self, writer):
        self.write_common(writer)
        self.write_heads(writer)
        writer.add_expert_count(self.config.num_local_experts)
        writer.add_expert_used_count(self.config.num_experts_per_tok)
        add_llama_vocabulary(writer, self.config.vocab_size)


class Qwen2Moe(Case):
    arch, reference = gguf.MODEL_ARCH.QWEN2MOE, "Qwen2MoeForCausalLM"

    def __init__(self, **more):
        self.config = transformers.Qwen2MoeConfig(**(sizes(
            intermediate_size=48, moe_intermediate_size=8, shared_expert_intermediate_size=20, num_experts=6,
            num_experts_per_tok=2, norm_topk_prob=False, decoder_sparse_step=1) | more))

    def pieces(self, name, w):
        found = super().pieces(name, w)
        return {k: v.reshape(-1) if "ffn_gate_inp_shexp" in k else v for k, v in found.items()}

    def whole(self, name, pieces):
        w = super().whole(name, pieces)
        return w.reshape(1, -1) if "shared_expert_gate" in name else w

    def write(self, writer):
        self.write_common(writer)
        c = self.config
        writer.add_expert_count(c.num_experts)
        writer.add_expert_used_count(c.num_experts_per_tok)
        writer.add_expert_feed_forward_length(c.moe_intermediate_size)
        writer.add_expert_shared_feed_forward_length(c.shared_expert_intermediate_size)
        add_gpt2_vocabulary(writer, c.vocab_size)


class Qwen3Moe(Case):
    arch, reference = gguf.MODEL_ARCH.QWEN3MOE, "Qwen3MoeForCausalLM"

    def __init__(self, **more):
        self.config = transformers.Qwen3MoeConfig(**(sizes(
            intermediate_size=48, moe_intermediate_size=8, num_experts=8, num_experts_per_tok=3, norm_topk_prob=True,
            head_dim=16, decoder_sparse_step=1) | more))

    def write(self, writer):
        self.write_common(writer)
        self.write_heads(writer)
        writer.add_expert_count(self.config.num_experts)
        writer.add_expert_used_count(self.config.num_experts_per_tok)
        writer.add_expert_feed_forward_length(self.config.moe_intermediate_size)
        add_gpt2_vocabulary(writer, self.config.vocab_size)


class DeepSeek(Case):
    """split: the keys' and the values' half of kv_b_proj as tensors of their own, as newer files have them."""
    arch = gguf.MODEL_ARCH.DEEPSEEK2

    def __init__(self, reference, config, split, **more):
        self.reference, self.split = reference, split
        self.config = getattr(transformers, config)(**(sizes(
            num_attention_heads=2, num_key_value_heads=2, intermediate_size=40, moe_intermediate_size=8,
            n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2, kv_lora_rank=16, qk_nope_head_dim=8,
            qk_rope_head_dim=8, v_head_dim=12, first_k_dense_replace=1, n_shared_experts=2,
            routed_scaling_factor=1.5) | more))

    def kv_b_shape(self):
        c = self.config
        return c.num_attention_heads, c.qk_nope_head_dim + c.v_head_dim, c.kv_lora_rank

    def pieces(self, name, w):
        if "kv_b_proj" not in name:
            return super().pieces(name, w)
        prefix = f"blk.{name.split('.')[2]}."
        if not self.split:
            return {prefix + "attn_kv_b.weight": w}
        k, v = np.split(w.reshape(self.kv_b_shape()), [self.config.qk_nope_head_dim], axis=1)
        return {prefix + "attn_k_b.weight": k.transpose(0, 2, 1), prefix + "attn_v_b.weight": v}

    def whole(self, name, pieces):
        if "kv_b_proj" not in name or not self.split:
            return super().whole(name, pieces)
        k, v = pieces.values()
        return np.concatenate([k.transpose(0, 2, 1), v], axis=1).reshape(-1, self.config.kv_lora_rank)

    def write(self, writer):
        c = self.config
        self.write_common(writer)
        key, value = c.qk_nope_head_dim + c.qk_rope_head_dim, c.v_head_dim
        if self.split:
            writer.kv_data[0].pop("deepseek2.attention.head_count_kv")
            writer.add_head_count_kv(1)
            writer.add_key_length(c.kv_lora_rank + c.qk_rope_head_dim)
            writer.add_value_length(c.kv_lora_rank)
            writer.add_key_length_mla(key)
            writer.add_value_length_mla(value)
        else:
            writer.add_key_length(key)
            writer.add_value_length(value)
        writer.add_rope_dimension_count(c.qk_rope_head_dim)
        writer.add_kv_lora_rank(c.kv_lora_rank)
        if c.q_lora_rank is not None:
            writer.add_q_lora_rank(c.q_lora_rank)
        writer.add_leading_dense_block_count(c.first_k_dense_replace)
        writer.add_expert_count(c.n_routed_experts)
        writer.add_expert_used_count(c.num_experts_per_tok)
        writer.add_expert_feed_forward_length(c.moe_intermediate_size)
        writer.add_expert_shared_count(c.n_shared_experts)
        writer.add_expert_weights_scale(c.routed_scaling_factor)
        writer.add_expert_group_count(c.n_group)
        writer.add_expert_group_used_count(c.topk_group)
        sigmoid = self.reference.startswith("DeepseekV3")
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else gguf.ExpertGatingFuncType.SOFTMAX)
        if sigmoid:
            writer.add_expert_weights_norm(c.norm_topk_prob)
        if "mscale_all_dim" in c.rope_parameters:
            writer.add_rope_scaling_yarn_log_mul(0.1 * c.rope_parameters["mscale_all_dim"])
        for name, buffer in self.extra.items():
            writer.add_tensor(f"blk.{name.split('.')[2]}.exp_probs_b.bias", buffer)
        add_llama_vocabulary(writer, c.vocab_size)


def deepseek_v2(split, **more):
    """Without a compressed query, as the Lite model; stretched by YaRN."""
    yarn = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32,
            "mscale": 0.707, "mscale_all_dim": 0.707, "beta_fast": 32, "beta_slow": 1}
    return DeepSeek("DeepseekV2ForCausalLM", "DeepseekV2Config", split, q_lora_rank=None, rope_parameters=yarn,
                    topk_method="group_limited_greedy", **more)


def deepseek_v3(split, **more):
    return DeepSeek("DeepseekV3ForCausalLM", "DeepseekV3Config", split, q_lora_rank=24, norm_topk_prob=True, **more)


class GptOss(Case):
    arch, reference = gguf.MODEL_ARCH.GPT_OSS, "GptOssForCausalLM"
    n_prompt = 60  # beyond the window of 16 and the 32 positions before YaRN

    def __init__(self, **more):
        yarn = {"rope_type": "yarn", "rope_theta": 150000.0, "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0,
                "truncate": False, "original_max_position_embeddings": 32}
        self.config = transformers.GptOssConfig(**(sizes(
            hidden_size=32, intermediate_size=32, num_attention_heads=2, num_local_experts=4, num_experts_per_tok=2,
            head_dim=16, sliding_window=16,
            rope_parameters=yarn) | more))

    def gguf_name(self, name):
        return super().gguf_name(name).replace("ffn_norm", "post_attention_norm")

    def pieces(self, name, w):
        """Its expert matrices are (X, in, out), gate and up take turns."""
        if ".mlp.experts." not in name:
            return super().pieces(name, w)
        prefix, kind = f"blk.{name.split('.')[2]}.", "bias" if name.endswith("bias") else "weight"
        if kind == "weight":
            w = w.transpose(0, 2, 1)
        if "gate_up" in name:
            return {prefix + f"ffn_gate_exps.{kind}": w[:, ::2], prefix + f"ffn_up_exps.{kind}": w[:, 1::2]}
        return {prefix + f"ffn_down_exps.{kind}": w}

    def whole(self, name, pieces):
        if ".mlp.experts." not in name:
            return super().whole(name, pieces)
        w = np.stack(list(pieces.values()), axis=2).reshape(len(w0 := next(iter(pieces.values()))), -1, *w0.shape[2:])
        return w if name.endswith("bias") else w.transpose(0, 2, 1)

    def kind(self, name, w, qtype):
        return super().kind(name, w, qtype) if "exps" in name or qtype != QType.MXFP4 else QType.F32

    def write(self, writer):
        c = self.config
        self.write_common(writer)
        self.write_heads(writer)
        writer.add_sliding_window(c.sliding_window)
        writer.add_expert_count(c.num_local_experts)
        writer.add_expert_used_count(c.num_experts_per_tok)
        writer.add_expert_feed_forward_length(c.intermediate_size)
        add_gpt2_vocabulary(writer, c.vocab_size)


class Mamba2(Case):
    arch, reference = gguf.MODEL_ARCH.MAMBA2, "Mamba2ForCausalLM"
    n_prompt = 50

    def __init__(self, **more):
        self.config = transformers.Mamba2Config(**(dict(
            vocab_size=288, hidden_size=24, num_hidden_layers=2, num_heads=4, head_dim=12, state_size=8, n_groups=2,
            expand=2, conv_kernel=4, chunk_size=8, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2) | more))

    def pieces(self, name, w):
        prefix = f"blk.{name.split('.')[2]}."
        if name.endswith("A_log"):
            return {prefix + "ssm_a": -np.exp(w).reshape(-1, 1)}
        if name.endswith("mixer.D"):
            return {prefix + "ssm_d": w.reshape(-1, 1)}
        if name.endswith("dt_bias"):
            return {prefix + "ssm_dt.bias": w}
        if name.endswith("conv1d.weight"):
            w = w[:, 0]
        if name.endswith("mixer.norm.weight"):
            w = w.reshape(self.config.n_groups, -1)
        return super().pieces(name, w)

    def write(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_context_length(256)
        writer.add_embedding_length(c.hidden_size)
        writer.add_feed_forward_length(0)
        writer.add_head_count(0)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_layer_norm_rms_eps(c.layer_norm_epsilon)
        writer.add_ssm_conv_kernel(c.conv_kernel)
        writer.add_ssm_inner_size(c.num_heads * c.head_dim)
        writer.add_ssm_state_size(c.state_size)
        writer.add_ssm_time_step_rank(c.num_heads)
        writer.add_ssm_group_count(c.n_groups)
        add_gpt2_vocabulary(writer, c.vocab_size)


# Weights, reference numbers, files.


def spread(case, name, w):
    """Mean and deviation of a parameter: large enough that every part of the model is heard in the logits."""
    if "norm" in name:
        return 1, 0.2
    if name.endswith(("bias", "A_log", "mixer.D", "sinks")):
        return 0, 0.5
    if "embed" in name or "lm_head" in name:
        return 0, 0.5
    if "conv1d" in name:
        return 0, 0.7
    inner = 1 if isinstance(case, GptOss) and ".experts." in name else -1
    return 0, 1.5 / math.sqrt(w.shape[inner])


def build(case, seed, qtype):
    """The reference, and the tensors as they go into the file; it computes with what a reader decodes from them."""
    model = case.model().eval()
    generator = torch.Generator().manual_seed(seed)
    tensors, case.extra = {}, {}
    with torch.no_grad():
        for name, w in model.named_parameters():  # a tied head is listed once
            mean, deviation = spread(case, name, w)
            w.copy_(mean + deviation * torch.randn(w.shape, generator=generator))
            decoded = {}
            for piece, array in case.pieces(name, w.numpy()).items():
                array = np.ascontiguousarray(array)
                kind = case.kind(piece, array, qtype)
                raw = array if kind == QType.F32 else gguf.quants.quantize(array, kind)
                tensors[piece] = (raw, kind)
                decoded[piece] = array if kind == QType.F32 else gguf.quants.dequantize(raw, kind).reshape(array.shape)
            if any(tensors[piece][1] != QType.F32 for piece in decoded):
                w.copy_(torch.from_numpy(np.ascontiguousarray(case.whole(name, decoded))))
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
                case.extra[name] = buffer.numpy().copy()
    return model, tensors


def steady(model, ids):
    """Whether f64 chooses the same experts everywhere."""
    with torch.no_grad():
        ours = model(torch.tensor([ids])).logits[0]
        exact = model.double()(torch.tensor([ids])).logits[0]
        model.float()
    return (ours - exact).abs().max().item() < F64_DIFFERENCE_MAX


def make(out, variants, make_case):
    """variants: names with the storage type of the matrices; all of them from the same weights."""
    for seed in range(1, 1000):
        case, results = make_case(), []
        draw = torch.Generator().manual_seed(1000 + seed)
        prompt = torch.randint(case.first_id, 276, (case.n_prompt,), generator=draw).tolist()
        for name, qtype in variants:
            model, tensors = build(case, seed, qtype)
            result = reference(model, prompt)
            if not fair(*result[1:]) or not steady(model, prompt + result[1]):
                break
            file_type = F32 if qtype == QType.MXFP4 else qtype  # it names no type for experts alone
            results.append((name, case, file_type, tensors, prompt, result))
        else:
            return sum(write_case(out, *entry) for entry in results)
    raise SystemExit(f"{variants[0][0]}: no seed gives a fair greedy path")


F32, Q8_0 = QType.F32, QType.Q8_0
WIDE = dict(hidden_size=32, num_attention_heads=4, num_key_value_heads=2, moe_intermediate_size=32)  # whole blocks of 32 in every matrix
GOLDENS = [
    ([("mixtral", F32)], Mixtral),
    ([("mixtral-q8_0", Q8_0)], lambda: Mixtral(hidden_size=32, num_attention_heads=4, num_key_value_heads=2, intermediate_size=32)),
    ([("qwen2moe", F32)], Qwen2Moe),
    ([("qwen3moe", F32)], Qwen3Moe),
    ([("qwen3moe-q4_0", QType.Q4_0)], lambda: Qwen3Moe(**WIDE)),
    ([("deepseek2-v2", F32)], lambda: deepseek_v2(split=False)),
    ([("deepseek2-v2-split", F32)], lambda: deepseek_v2(split=True)),
    ([("deepseek2-v3", F32)], lambda: deepseek_v3(split=False)),
    ([("deepseek2-v3-split", F32)], lambda: deepseek_v3(split=True)),
    ([("gpt-oss-mxfp4", QType.MXFP4)], GptOss),
    ([("mamba2", F32)], Mamba2),
    ([("mamba2-one-group", F32)], lambda: Mamba2(n_groups=1, state_size=16, num_heads=2, head_dim=24, conv_kernel=3)),
]


def main():
    parser = argparse.ArgumentParser(description="Write tiny models and their reference numbers.")
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parents[1] / "tests/golden/model"))
    parser.add_argument("--only", default="", help="only goldens whose name has this in it")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    total = sum(make(out, variants, make_case) for variants, make_case in GOLDENS
                if arguments.only in variants[0][0])
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
