"""Decoder architectures as cases of golden_models.py: each a reference of transformers, and the names, layouts and keys
that llama.cpp's converter gives its files. Names come from the converter's own table (gguf.get_tensor_name_map)."""
import math
import re

import gguf
import numpy as np
import transformers

from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from golden_models import add_gpt2_vocabulary, add_llama_vocabulary


# Llama.


def pairs_from_halves(w, n_head):
    """Rows of a query or key projection: GGUF turns neighbours (2i, 2i+1), transformers turns (i, i + E/2)."""
    return w.reshape(n_head, 2, w.shape[0] // n_head // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def halves_from_pairs(w, n_head):
    return w.reshape(n_head, w.shape[0] // n_head // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


LLAMA_NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
               "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
               "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def layer_name(name, names):
    """model.layers.3.mlp.up_proj.weight -> blk.3.ffn_up.weight"""
    _, _, layer, *middle, kind = name.split(".")
    return f"blk.{layer}.{names['.'.join(middle)]}.{kind}"


class Llama:
    arch = gguf.MODEL_ARCH.LLAMA

    def __init__(self, n_vocab=288, n_embd=32, n_layer=2, n_head=4, n_head_kv=2, n_ff=64, head_dim=None, n_ctx=256,
                 tied=False, theta=10000.0, rope=None, bias=False, n_prompt=24):
        self.rope = rope or {"rope_type": "default"}
        self.n_prompt = n_prompt
        self.config = transformers.LlamaConfig(
            vocab_size=n_vocab, hidden_size=n_embd, num_hidden_layers=n_layer, num_attention_heads=n_head,
            num_key_value_heads=n_head_kv, intermediate_size=n_ff, head_dim=head_dim or n_embd // n_head,
            max_position_embeddings=n_ctx, rms_norm_eps=1e-5, tie_word_embeddings=tied, attention_bias=bias,
            mlp_bias=bias, rope_parameters={"rope_theta": theta, **self.rope}, attn_implementation="eager",
            bos_token_id=1, eos_token_id=2)
        self.first_id = 3  # control tokens do not occur in prompts

    def model(self):
        return transformers.LlamaForCausalLM(self.config)

    def gguf_name(self, name):
        top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
               "lm_head.weight": "output.weight"}
        return top.get(name) or layer_name(name, LLAMA_NAMES)

    def heads(self, name):
        return {"q_proj": self.config.num_attention_heads, "k_proj": self.config.num_key_value_heads}.get(
            name.split(".")[-2])

    def to_gguf(self, name, w):
        return pairs_from_halves(w, self.heads(name)) if self.heads(name) else w

    def from_gguf(self, name, w):
        return halves_from_pairs(w, self.heads(name)) if self.heads(name) else w

    def write(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_context_length(c.max_position_embeddings)
        writer.add_embedding_length(c.hidden_size)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_rope_dimension_count(c.head_dim)
        writer.add_head_count(c.num_attention_heads)
        writer.add_head_count_kv(c.num_key_value_heads)
        writer.add_key_length(c.head_dim)
        writer.add_value_length(c.head_dim)
        writer.add_layer_norm_rms_eps(c.rms_norm_eps)
        writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
        kind = self.rope["rope_type"]
        if kind in ("linear", "yarn"):
            writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
            writer.add_rope_scaling_factor(self.rope["factor"])
        if kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(self.rope["original_max_position_embeddings"])
        if kind == "llama3":
            writer.add_tensor("rope_freqs.weight", self.llama3_factors())
        add_llama_vocabulary(writer, c.vocab_size)

    def llama3_factors(self):
        """What each inverse frequency is divided by: 1 for short waves, the factor for long ones, between in between."""
        r, width = self.rope, self.config.head_dim
        n_ctx, low, high = r["original_max_position_embeddings"], r["low_freq_factor"], r["high_freq_factor"]
        factors = []
        for i in range(0, width, 2):
            wave = 2 * math.pi * self.config.rope_parameters["rope_theta"] ** (i / width)
            if wave < n_ctx / high:
                factors.append(1.0)
            elif wave > n_ctx / low:
                factors.append(r["factor"])
            else:
                smooth = (n_ctx / wave - low) / (high - low)
                factors.append(1 / ((1 - smooth) / r["factor"] + smooth))
        return np.array(factors, dtype=np.float32)


# GPT-2.

GPT2_NAMES = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
              "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}


class Gpt2:
    arch = gguf.MODEL_ARCH.GPT2

    def __init__(self, n_vocab=288, n_embd=24, n_layer=2, n_head=3, n_ff=80, n_ctx=96, tied=True, n_prompt=24):
        self.n_prompt = n_prompt
        self.config = transformers.GPT2Config(
            vocab_size=n_vocab, n_embd=n_embd, n_layer=n_layer, n_head=n_head, n_inner=n_ff, n_positions=n_ctx,
            tie_word_embeddings=tied, attn_implementation="eager", activation_function="gelu_new",
            bos_token_id=276, eos_token_id=276)
        self.first_id = 0

    def model(self):
        return transformers.GPT2LMHeadModel(self.config)

    def gguf_name(self, name):
        top = {"transformer.wte.weight": "token_embd.weight", "transformer.wpe.weight": "position_embd.weight",
               "transformer.ln_f.weight": "output_norm.weight", "transformer.ln_f.bias": "output_norm.bias",
               "lm_head.weight": "output.weight"}
        return top.get(name) or layer_name(name, GPT2_NAMES)

    def to_gguf(self, name, w):
        is_conv1d = name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))  # stored (in, out)
        return w.T if is_conv1d else w

    from_gguf = to_gguf

    def write(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_block_count(c.n_layer)
        writer.add_context_length(c.n_positions)
        writer.add_embedding_length(c.n_embd)
        writer.add_feed_forward_length(c.n_inner)
        writer.add_head_count(c.n_head)
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
        add_gpt2_vocabulary(writer, c.vocab_size)


# Everything else: a configuration of transformers, and what its converter does differently.


class Decoder:
    """options: of the configuration class; the common ones have small defaults."""
    n_prompt = 24
    first_id = 3
    permutes = False  # q and k to neighbouring pairs, as Llama's
    norms_add_one = False  # the reference multiplies by 1 + w, the file stores that
    embedding_noise = 0.5  # standard deviation; small where the embedding is scaled

    def __init__(self, arch, model_class, n_prompt=24, rope=None, theta=10000.0, local_theta=None, **options):
        self.arch = arch
        self.n_prompt = n_prompt
        self.model_class = model_class
        self.rope = {"rope_theta": theta, **(rope or {"rope_type": "default"})}
        local = {"rope_theta": local_theta, "rope_type": "default"}
        both = {"full_attention": self.rope, "sliding_attention": local}
        sizes = dict(vocab_size=288, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                     intermediate_size=48, max_position_embeddings=256, tie_word_embeddings=True)
        self.config = model_class.config_class(
            **{**sizes, **options}, rope_parameters=both if local_theta else self.rope, attn_implementation="eager",
            bos_token_id=1, eos_token_id=2, pad_token_id=0)
        self.names = gguf.get_tensor_name_map(arch, self.config.num_hidden_layers)

    def model(self):
        model = self.model_class(self.config)
        model.norms_add_one, model.embedding_noise = self.norms_add_one, self.embedding_noise
        return model

    def gguf_name(self, name):
        return self.names.get_name(name, try_suffixes=(".weight", ".bias"))

    def heads(self, name):
        c = self.config
        return {"q_proj": c.num_attention_heads, "k_proj": c.num_key_value_heads}.get(name.split(".")[-2])

    def to_gguf(self, name, w):
        if self.permutes and self.heads(name):
            return pairs_from_halves(w, self.heads(name))
        return w + 1 if self.norms_add_one and name.endswith("norm.weight") else w

    def from_gguf(self, name, w):
        if self.permutes and self.heads(name):
            return halves_from_pairs(w, self.heads(name))
        return w - 1 if self.norms_add_one and name.endswith("norm.weight") else w

    def write(self, writer):
        self.write_sizes(writer)
        self.write_rope(writer)
        self.write_special(writer)
        add_llama_vocabulary(writer, self.config.vocab_size)

    def write_sizes(self, writer):
        c = self.config
        writer.add_block_count(c.num_hidden_layers)
        writer.add_context_length(c.max_position_embeddings)
        writer.add_embedding_length(c.hidden_size)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_head_count(c.num_attention_heads)
        writer.add_head_count_kv(c.num_key_value_heads)
        if getattr(c, "head_dim", None):
            writer.add_key_length(c.head_dim)
            writer.add_value_length(c.head_dim)
        for field in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"):
            if hasattr(c, field):
                add = writer.add_layer_norm_rms_eps if field == "rms_norm_eps" else writer.add_layer_norm_eps
                add(getattr(c, field))

    def write_rope(self, writer):
        write_rope(writer, self.rope)

    def write_special(self, writer):
        pass


def write_rope(writer, rope):
    """Base and scaling as the converter writes them; kinds that it does not know, in the same keys."""
    writer.add_rope_freq_base(rope["rope_theta"])
    kind = rope["rope_type"]
    if kind == "default":
        return
    if kind in ("linear", "yarn", "longrope"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
    else:
        writer.add_string(gguf.Keys.Rope.SCALING_TYPE.format(arch=writer.arch), kind)
    if "factor" in rope:
        writer.add_rope_scaling_factor(rope["factor"])
    if "original_max_position_embeddings" in rope:
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if "attention_factor" in rope:
        writer.add_float32(gguf.Keys.Rope.SCALING_YARN_ATTN_FACTOR.format(arch=writer.arch), rope["attention_factor"])
    if "beta_fast" in rope:
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])


class Mistral(Decoder):
    """A Llama with a window in every layer; the key is ours to honour, the converter leaves it out."""
    permutes = True

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.LLAMA, transformers.MistralForCausalLM, **options)

    def write_special(self, writer):
        writer.add_vocab_size(self.config.vocab_size)
        writer.add_rope_dimension_count(self.config.head_dim)
        writer.add_sliding_window(self.config.sliding_window)


class Qwen2(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.QWEN2, transformers.Qwen2ForCausalLM, **options)


class StretchedQwen2(Qwen2):
    """Rotary embedding stretched for a context of n_ctx by a base of its own, which the reference would choose anew
    with every token; here it keeps what its own function gives for the whole context."""

    def __init__(self, kind, factor, n_ctx, **options):
        super().__init__(**options)
        self.n_ctx, self.stretch = n_ctx, {"rope_type": kind, "factor": factor}

    def model(self):
        model = super().model()
        c = self.config
        config = transformers.Qwen2Config(**{**c.to_dict(), "rope_parameters": {
            "rope_theta": self.rope["rope_theta"], "rope_type": "dynamic", "factor": self.stretch["factor"]}})
        n_ctx = self.n_ctx
        if self.stretch["rope_type"] == "ntk":  # by the factor: a context of so many times the original one
            config.rope_parameters["factor"], n_ctx = 1.0, int(c.max_position_embeddings * self.stretch["factor"])
        frequencies, _ = ROPE_INIT_FUNCTIONS["dynamic"](config, device=None, seq_len=n_ctx)
        model.model.rotary_emb.inv_freq = frequencies
        return model

    def write_sizes(self, writer):
        super().write_sizes(writer)
        length = gguf.Keys.LLM.CONTEXT_LENGTH.format(arch=writer.arch)
        del writer.kv_data[0][length]
        writer.add_context_length(int(self.config.max_position_embeddings * self.stretch["factor"]))

    def write_rope(self, writer):
        write_rope(writer, {**self.rope, **self.stretch,
                            "original_max_position_embeddings": self.config.max_position_embeddings})


class Qwen3(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.QWEN3, transformers.Qwen3ForCausalLM, **{"head_dim": 8, **options})


class Gemma(Decoder):
    norms_add_one = True
    embedding_noise = 0.15

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.GEMMA, transformers.GemmaForCausalLM,
                         **{"head_dim": 8, "hidden_activation": "gelu_pytorch_tanh", **options})


class Gemma2(Decoder):
    norms_add_one = True
    embedding_noise = 0.15

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.GEMMA2, transformers.Gemma2ForCausalLM,
                         **{"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 12,
                            "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0, **options})

    def write_special(self, writer):
        writer.add_attn_logit_softcapping(self.config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(self.config.final_logit_softcapping)
        writer.add_sliding_window(self.config.sliding_window)


class Gemma3(Decoder):
    norms_add_one = True
    embedding_noise = 0.2

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.GEMMA3, transformers.Gemma3ForCausalLM,
                         **{"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 12, "theta": 1e6,
                            "local_theta": 10000.0, **options})

    def write_special(self, writer):
        writer.add_sliding_window(self.config.sliding_window)


class Phi3(Decoder):
    def __init__(self, factors=None, **options):
        rope = {"rope_type": "default"}
        if factors:
            rope = {"rope_type": "longrope", "short_factor": factors[0], "long_factor": factors[1],
                    "original_max_position_embeddings": options["original_max_position_embeddings"]}
        self.rotated = options.pop("partial_rotary_factor", 1.0)
        rope["partial_rotary_factor"] = self.rotated
        super().__init__(gguf.MODEL_ARCH.PHI3, transformers.Phi3ForCausalLM, **{**options, "rope": rope})

    def write_rope(self, writer):
        c = self.config
        n_original = self.rope.get("original_max_position_embeddings", c.max_position_embeddings)
        writer.add_rope_scaling_orig_ctx_len(n_original)
        writer.add_rope_dimension_count(int(self.rotated * c.hidden_size) // c.num_attention_heads)
        writer.add_rope_freq_base(self.rope["rope_theta"])
        writer.add_sliding_window(c.sliding_window or 0)
        if "long_factor" in self.rope:
            scale = c.max_position_embeddings / n_original
            writer.add_rope_scaling_attn_factors(
                math.sqrt(1 + math.log(scale) / math.log(n_original)) if scale > 1 else 1.0)
            writer.add_tensor("rope_factors_long.weight", np.array(self.rope["long_factor"], dtype=np.float32))
            writer.add_tensor("rope_factors_short.weight", np.array(self.rope["short_factor"], dtype=np.float32))


class GptNeoX(Decoder):
    def __init__(self, rotated=0.25, **options):
        self.rotated = rotated
        super().__init__(gguf.MODEL_ARCH.GPTNEOX, transformers.GPTNeoXForCausalLM,
                         **{"rope": {"rope_type": "default", "partial_rotary_factor": rotated}, **options})

    def rows(self, w):
        """Rows of the fused matrix lie as (head, q k v, width) in the reference, as (q k v, head, width) in the file."""
        c = self.config
        return w.reshape(c.num_attention_heads, 3, -1, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)

    def rows_back(self, w):
        c = self.config
        return w.reshape(3, c.num_attention_heads, -1, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)

    def to_gguf(self, name, w):
        return self.rows(w) if "query_key_value" in name else w

    def from_gguf(self, name, w):
        return self.rows_back(w) if "query_key_value" in name else w

    def write_sizes(self, writer):
        c = self.config
        writer.add_context_length(c.max_position_embeddings)
        writer.add_embedding_length(c.hidden_size)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_rope_dimension_count(int(self.rotated * (c.hidden_size // c.num_attention_heads)))
        writer.add_head_count(c.num_attention_heads)
        writer.add_parallel_residual(c.use_parallel_residual)
        writer.add_layer_norm_eps(c.layer_norm_eps)

    def write_rope(self, writer):
        pass  # the converter leaves the base out: all published models have 10000


class Olmo2(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.OLMO2, transformers.Olmo2ForCausalLM, **options)


class Olmo3(Decoder):
    """The same architecture in files: windows in three layers of four."""

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.OLMO2, transformers.Olmo3ForCausalLM,
                         **{"sliding_window": 12, "num_hidden_layers": 4, "local_theta": 10000.0, **options})

    def write_special(self, writer):
        writer.add_rope_freq_base_swa(self.config.rope_parameters["sliding_attention"]["rope_theta"])
        writer.add_sliding_window(self.config.sliding_window)
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in self.config.layer_types])


class SmolLm3(Decoder):
    permutes = True

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.SMOLLM3, transformers.SmolLM3ForCausalLM,
                         **{"num_hidden_layers": 5, "use_sliding_window": False, **options})

    def write_special(self, writer):
        writer.add_vocab_size(self.config.vocab_size)
        writer.add_rope_dimension_count(self.config.hidden_size // self.config.num_attention_heads)


class Granite(Decoder):
    permutes = True

    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.GRANITE, transformers.GraniteForCausalLM,
                         **{"embedding_multiplier": 1.5, "attention_multiplier": 0.3, "residual_multiplier": 0.8,
                            "logits_scaling": 1.7, **options})

    def write_special(self, writer):
        c = self.config
        writer.add_vocab_size(c.vocab_size)
        writer.add_rope_dimension_count(c.hidden_size // c.num_attention_heads)
        writer.add_attention_scale(c.attention_multiplier)
        writer.add_embedding_scale(c.embedding_multiplier)
        writer.add_residual_scale(c.residual_multiplier)
        writer.add_logit_scale(c.logits_scaling)


class StarCoder2(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.STARCODER2, transformers.Starcoder2ForCausalLM,
                         **{"sliding_window": None, **options})

    def write_special(self, writer):
        if self.config.sliding_window:
            writer.add_sliding_window(self.config.sliding_window)


class StableLm(Decoder):
    def __init__(self, rotated=0.5, **options):
        self.rotated = rotated
        super().__init__(gguf.MODEL_ARCH.STABLELM, transformers.StableLmForCausalLM,
                         **{"rope": {"rope_type": "default", "partial_rotary_factor": rotated}, "num_attention_heads": 3,
                            "num_key_value_heads": 1, **options})

    def gguf_name(self, name):
        return super().gguf_name(re.sub(r"\.norms\.\d+", "", name))  # one of each head: one matrix in the file

    def write_rope(self, writer):
        c = self.config
        writer.add_rope_dimension_count(int(self.rotated * (c.hidden_size // c.num_attention_heads)))

    def write_special(self, writer):
        writer.add_parallel_residual(True)  # as the converter, where config.json is silent and means False


class Falcon(Decoder):
    def __init__(self, n_head_kv=1, **options):
        self.n_head_kv = n_head_kv
        super().__init__(gguf.MODEL_ARCH.FALCON, transformers.FalconForCausalLM,
                         **{"alibi": False, "bias": False, "num_kv_heads": n_head_kv, **options})

    def regroup(self, w, back=False):
        """Rows of the fused matrix lie as (group, its queries, key, value) in the reference, as all queries, all keys,
        all values in the file."""
        c = self.config
        n_groups, width = self.n_head_kv, c.hidden_size // c.num_attention_heads
        n_q = c.num_attention_heads // n_groups
        order = np.arange(w.shape[0]).reshape(n_groups, n_q + 2, width)
        order = np.concatenate([order[:, :-2].reshape(-1), order[:, -2].reshape(-1), order[:, -1].reshape(-1)])
        return w[np.argsort(order)] if back else w[order]

    def to_gguf(self, name, w):
        return self.regroup(w) if "query_key_value" in name else w

    def from_gguf(self, name, w):
        return self.regroup(w, back=True) if "query_key_value" in name else w

    def write_sizes(self, writer):
        c = self.config
        writer.add_context_length(2048)  # as the converter: not in the configuration
        writer.add_tensor_data_layout("jploski")
        writer.add_embedding_length(c.hidden_size)
        writer.add_feed_forward_length(4 * c.hidden_size)
        writer.add_block_count(c.num_hidden_layers)
        writer.add_head_count(c.num_attention_heads)
        writer.add_head_count_kv(self.n_head_kv)
        writer.add_layer_norm_eps(c.layer_norm_epsilon)

    def write_rope(self, writer):
        pass


class CommandR(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.COMMAND_R, transformers.CohereForCausalLM, **{"logit_scale": 0.7, **options})

    def write_special(self, writer):
        writer.add_logit_scale(self.config.logit_scale)
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)


class Cohere2(Decoder):
    def __init__(self, **options):
        super().__init__(gguf.MODEL_ARCH.COHERE2, transformers.Cohere2ForCausalLM,
                         **{"logit_scale": 0.7, "sliding_window": 12, "num_hidden_layers": 4, **options})

    def write_special(self, writer):
        c = self.config
        writer.add_logit_scale(c.logit_scale)
        writer.add_sliding_window(c.sliding_window)
        writer.add_vocab_size(c.vocab_size)
        writer.add_rope_dimension_count(c.hidden_size // c.num_attention_heads)
        writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
