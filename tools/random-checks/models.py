#!/usr/bin/env python3
"""Small models with random shapes, options and weights, through transformers and through `quire logits`.

    python3 tools/random-checks/models.py [--only NAME,...] [--seed N] [--count N] [--program build/quire]
                                          [--keep FOLDER]

Architectures take turns; each draws heads, widths, layers, stretched positions, windows, experts, biases and whatever
else its configuration knows. A folder by save_pretrained() is read by Quire: log-probabilities behind 1 to 90 random
tokens must be those of transformers up to 2e-3, read at once and in small steps, and the tokens that follow greedily
must be the reference's likeliest. What Quire refuses by name is counted. Exits with 1 when something differs. Needs
from PyPI: torch, transformers, tokenizers, safetensors.
"""
import json
import sys

import torch
import transformers

import checks
import folders

LOGPROB_DIFFERENCE_MAX = 2e-3  # both compute in f32; sums of some 100 terms in another order differ by 1e-4 at most
N_GREEDY = 3
N_VOCAB = 256
N_POSITIONS = 128

KNOWN = {}
ARCHITECTURES = {}


def architecture(draw):
    """Registers a function from a Drawer to a class of models, its class of configurations, and a configuration."""
    ARCHITECTURES[draw.__name__] = draw
    return draw


class Drawer:
    """Draws what configurations have in common."""

    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def chance(self, share=0.5):
        return self.random.random() < share

    def decoder(self, has_head_dim=True):
        n_groups, head_dim = self.pick([1, 2, 4]), self.pick([8, 16, 32])
        n_heads = n_groups * self.pick([1, 2, 3])
        width = n_heads * head_dim if not has_head_dim or self.chance() else self.pick([32, 48, 64])
        config = dict(vocab_size=N_VOCAB, hidden_size=width, intermediate_size=self.pick([32, 64, 96]),
                      num_hidden_layers=self.pick([1, 2, 3]), num_attention_heads=n_heads,
                      num_key_value_heads=n_groups, max_position_embeddings=N_POSITIONS,
                      tie_word_embeddings=self.chance())
        if has_head_dim:
            config["head_dim"] = head_dim
        return config

    def decoder_with_rope(self, has_head_dim=True):
        config = self.decoder(has_head_dim)
        config["rope_theta"] = self.pick([10000.0, 500000.0, 1000.0])
        scaling = self.pick([None, None, None, self.linear, self.dynamic, self.yarn, self.llama3])
        if scaling is not None:
            config["rope_scaling"] = scaling()
        return config

    def linear(self):
        return {"rope_type": "linear", "factor": self.pick([2.0, 4.0])}

    def dynamic(self):
        return {"rope_type": "dynamic", "factor": self.pick([2.0, 4.0])}

    def yarn(self):
        scaling = {"rope_type": "yarn", "factor": self.pick([2.0, 4.0, 8.0]),
                   "original_max_position_embeddings": N_POSITIONS // 4}
        if self.chance(0.3):
            scaling |= {"beta_fast": 16.0, "beta_slow": 2.0}
        if self.chance(0.2):
            scaling["attention_factor"] = 1.3
        return scaling

    def llama3(self):
        return {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32}


@architecture
def llama(draw):
    config = draw.decoder_with_rope()
    config |= dict(rms_norm_eps=draw.pick([1e-5, 1e-6]), attention_bias=draw.chance(0.3), mlp_bias=draw.chance(0.2),
                   hidden_act=draw.pick(["silu", "silu", "silu", "gelu", "relu"]))
    return transformers.LlamaForCausalLM, transformers.LlamaConfig, config


@architecture
def mistral(draw):
    config = draw.decoder_with_rope()
    config |= dict(sliding_window=draw.pick([None, 8, 16]))
    return transformers.MistralForCausalLM, transformers.MistralConfig, config


@architecture
def mixtral(draw):
    config = draw.decoder_with_rope()
    config |= dict(num_local_experts=draw.pick([2, 4, 8]), num_experts_per_tok=draw.pick([1, 2]),
                   sliding_window=draw.pick([None, 8]))
    return transformers.MixtralForCausalLM, transformers.MixtralConfig, config


@architecture
def qwen2(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(use_sliding_window=draw.chance(0.4), sliding_window=draw.pick([8, 16]),
                   max_window_layers=draw.pick([0, 1, 2]))
    return transformers.Qwen2ForCausalLM, transformers.Qwen2Config, config


@architecture
def qwen3(draw):
    config = draw.decoder_with_rope()
    config |= dict(attention_bias=draw.chance(0.3))
    return transformers.Qwen3ForCausalLM, transformers.Qwen3Config, config


@architecture
def qwen2_moe(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(moe_intermediate_size=draw.pick([16, 32]), shared_expert_intermediate_size=draw.pick([16, 48]),
                   num_experts=draw.pick([4, 6]), num_experts_per_tok=draw.pick([1, 2, 3]),
                   norm_topk_prob=draw.chance(), decoder_sparse_step=draw.pick([1, 1, 2]))
    return transformers.Qwen2MoeForCausalLM, transformers.Qwen2MoeConfig, config


@architecture
def qwen3_moe(draw):
    config = draw.decoder_with_rope()
    config |= dict(moe_intermediate_size=draw.pick([16, 32]), num_experts=draw.pick([4, 8]),
                   num_experts_per_tok=draw.pick([1, 2, 3]), norm_topk_prob=draw.chance())
    return transformers.Qwen3MoeForCausalLM, transformers.Qwen3MoeConfig, config


@architecture
def gemma(draw):
    return transformers.GemmaForCausalLM, transformers.GemmaConfig, draw.decoder() | dict(rope_theta=10000.0)


@architecture
def gemma2(draw):
    config = draw.decoder()
    config |= dict(query_pre_attn_scalar=draw.pick([16, 32, 256]), sliding_window=draw.pick([8, 16]),
                   final_logit_softcapping=draw.pick([30.0, None]), attn_logit_softcapping=draw.pick([50.0, None]))
    return transformers.Gemma2ForCausalLM, transformers.Gemma2Config, config


@architecture
def gemma3(draw):
    config = draw.decoder()
    config |= dict(query_pre_attn_scalar=draw.pick([16, 32]), sliding_window=draw.pick([8, 16]),
                   num_hidden_layers=draw.pick([2, 3, 7]), tie_word_embeddings=True)
    return transformers.Gemma3ForCausalLM, transformers.Gemma3TextConfig, config


@architecture
def phi3(draw):
    config = draw.decoder(has_head_dim=False)
    config |= dict(sliding_window=draw.pick([None, 8]), pad_token_id=0, partial_rotary_factor=draw.pick([1.0, 0.5]),
                   rope_theta=draw.pick([10000.0, 500000.0, 1000.0]), tie_word_embeddings=draw.chance(0.3))
    if draw.chance(0.4):
        head_dim = config["hidden_size"] // config["num_attention_heads"]
        n = int(head_dim * config["partial_rotary_factor"]) // 2
        config |= dict(original_max_position_embeddings=64, rope_scaling={
            "type": "longrope", "short_factor": [1 + 0.1 * i for i in range(n)],
            "long_factor": [2 + 0.3 * i for i in range(n)]})
    return transformers.Phi3ForCausalLM, transformers.Phi3Config, config


@architecture
def gpt_neox(draw):
    n_heads = draw.pick([2, 4])
    return transformers.GPTNeoXForCausalLM, transformers.GPTNeoXConfig, dict(
        vocab_size=N_VOCAB, hidden_size=n_heads * draw.pick([8, 16]), num_hidden_layers=2, num_attention_heads=n_heads,
        intermediate_size=64, max_position_embeddings=N_POSITIONS, rotary_pct=draw.pick([0.25, 0.5, 1.0]),
        use_parallel_residual=draw.chance(0.6), tie_word_embeddings=draw.chance(0.3),
        hidden_act=draw.pick(["gelu", "gelu_new", "gelu_fast"]), attention_bias=draw.chance(0.8))


@architecture
def olmo2(draw):
    return transformers.Olmo2ForCausalLM, transformers.Olmo2Config, draw.decoder_with_rope(has_head_dim=False)


@architecture
def olmo3(draw):
    config = draw.decoder(has_head_dim=False)
    config |= dict(sliding_window=draw.pick([8, 16]), num_hidden_layers=draw.pick([2, 4, 5]), rope_theta=10000.0)
    return transformers.Olmo3ForCausalLM, transformers.Olmo3Config, config


@architecture
def smollm3(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    layers = [draw.pick([0, 1]) for _ in range(config["num_hidden_layers"])]
    config |= dict(no_rope_layers=draw.pick([None, layers]), no_rope_layer_interval=draw.pick([2, 3]),
                   use_sliding_window=False, pad_token_id=0)
    return transformers.SmolLM3ForCausalLM, transformers.SmolLM3Config, config


@architecture
def granite(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(embedding_multiplier=draw.pick([1.0, 12.0]), logits_scaling=draw.pick([1.0, 8.0]),
                   residual_multiplier=draw.pick([1.0, 0.22]), attention_multiplier=draw.pick([1.0, 0.0156, 0.25]),
                   attention_bias=draw.chance(0.2))
    return transformers.GraniteForCausalLM, transformers.GraniteConfig, config


@architecture
def starcoder2(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(use_bias=draw.chance(0.7), sliding_window=draw.pick([None, 8]), hidden_act="gelu_pytorch_tanh")
    return transformers.Starcoder2ForCausalLM, transformers.Starcoder2Config, config


@architecture
def stablelm(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(use_qkv_bias=draw.chance(), qk_layernorm=draw.chance(), use_parallel_residual=draw.chance(0.4))
    if draw.chance(0.7):  # else a quarter of each head
        config |= dict(partial_rotary_factor=draw.pick([0.5, 1.0]))
    return transformers.StableLmForCausalLM, transformers.StableLmConfig, config


@architecture
def falcon(draw):
    n_heads, is_new = draw.pick([2, 4]), draw.chance(0.4)
    return transformers.FalconForCausalLM, transformers.FalconConfig, dict(
        vocab_size=N_VOCAB, hidden_size=n_heads * draw.pick([16, 32]), num_hidden_layers=2, num_attention_heads=n_heads,
        num_kv_heads=draw.pick([1, 2]) if is_new else None, new_decoder_architecture=is_new,
        multi_query=draw.chance(0.6), parallel_attn=draw.chance(0.7), bias=draw.chance(0.4), alibi=draw.chance(0.2),
        tie_word_embeddings=draw.chance(0.7))


@architecture
def cohere(draw):
    config = draw.decoder_with_rope(has_head_dim=False)
    config |= dict(logit_scale=draw.pick([0.0625, 0.25]), use_qk_norm=draw.chance(0.4), pad_token_id=0,
                   tie_word_embeddings=True)
    return transformers.CohereForCausalLM, transformers.CohereConfig, config


@architecture
def cohere2(draw):
    config = draw.decoder()
    config |= dict(logit_scale=0.25, sliding_window=8, num_hidden_layers=draw.pick([2, 4]), pad_token_id=0,
                   tie_word_embeddings=True)
    return transformers.Cohere2ForCausalLM, transformers.Cohere2Config, config


@architecture
def gpt2(draw):
    n_heads = draw.pick([2, 4])
    return transformers.GPT2LMHeadModel, transformers.GPT2Config, dict(
        vocab_size=N_VOCAB, n_positions=N_POSITIONS, n_embd=n_heads * 16, n_layer=2, n_head=n_heads,
        n_inner=draw.pick([None, 48]), activation_function=draw.pick(["gelu_new", "gelu_new", "gelu", "relu"]),
        scale_attn_by_inverse_layer_idx=draw.chance(0.2))


def deepseek(draw):
    n_heads = draw.pick([2, 4])
    config = dict(
        vocab_size=N_VOCAB, hidden_size=64, intermediate_size=64, moe_intermediate_size=32, num_hidden_layers=3,
        num_attention_heads=n_heads, num_key_value_heads=n_heads, n_shared_experts=draw.pick([1, 2]),
        n_routed_experts=8, routed_scaling_factor=draw.pick([1.0, 2.5]), kv_lora_rank=draw.pick([16, 32]),
        q_lora_rank=draw.pick([None, 24]), qk_rope_head_dim=draw.pick([8, 16]), v_head_dim=draw.pick([16, 32]),
        qk_nope_head_dim=16, n_group=draw.pick([1, 2, 4]), topk_group=1, num_experts_per_tok=2,
        first_k_dense_replace=draw.pick([0, 1]), norm_topk_prob=draw.chance(0.7), max_position_embeddings=N_POSITIONS,
        tie_word_embeddings=False)
    if draw.chance(0.4):
        config["rope_scaling"] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
                                  "mscale": 1.0, "mscale_all_dim": draw.pick([1.0, 0.707])}
    return config


@architecture
def deepseek_v2(draw):
    config = deepseek(draw) | dict(topk_method=draw.pick(["greedy", "group_limited_greedy"]), norm_topk_prob=False)
    return transformers.DeepseekV2ForCausalLM, transformers.DeepseekV2Config, config


@architecture
def deepseek_v3(draw):
    config = deepseek(draw) | dict(rope_interleave=draw.chance(0.7))
    return transformers.DeepseekV3ForCausalLM, transformers.DeepseekV3Config, config


@architecture
def gpt_oss(draw):
    n_groups = draw.pick([1, 2])
    return transformers.GptOssForCausalLM, transformers.GptOssConfig, dict(
        vocab_size=N_VOCAB, hidden_size=64, intermediate_size=64, num_hidden_layers=draw.pick([2, 3]),
        num_attention_heads=n_groups * 2, num_key_value_heads=n_groups, head_dim=16, num_local_experts=4,
        num_experts_per_tok=2, sliding_window=8, max_position_embeddings=N_POSITIONS)


@architecture
def mamba2(draw):
    return transformers.Mamba2ForCausalLM, transformers.Mamba2Config, dict(
        vocab_size=N_VOCAB, hidden_size=32, state_size=16, num_hidden_layers=2, head_dim=16, num_heads=4, expand=2,
        n_groups=draw.pick([1, 2]), conv_kernel=4, use_bias=draw.chance(0.3), use_conv_bias=True,
        tie_word_embeddings=draw.chance(), rms_norm=True, chunk_size=16)


def log_probabilities(model, tokens):
    """(T, V) f32 behind each token."""
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].float().log_softmax(-1)


def check_greedy(model, tokens, greedy):
    """Each token that Quire goes on with must be as likely as the reference's likeliest."""
    rows = log_probabilities(model, tokens + greedy)[len(tokens) - 1:-1]
    for row, token in zip(rows, greedy):
        if row.max() - row[token] > 2 * LOGPROB_DIFFERENCE_MAX:
            raise checks.Differs("another greedy token", wanted=int(row.argmax()), got=token, behind=tokens + greedy)


def reference_model(case, name, tokens):
    """The model, and its log-probabilities behind the last token; Skipped where transformers cannot run it."""
    model_class, config_class, config = ARCHITECTURES[name](Drawer(case.random))
    case.write("drawn.json", json.dumps(config, indent=1))
    try:
        model = model_class(config_class(**config))
        folders.draw_weights(model, case.random.randrange(1 << 30), case.random.choice([0.06, 0.12]))
        return model, log_probabilities(model, tokens)[-1]
    except Exception as error:  # a combination that transformers does not take: any class
        raise checks.Skipped(f"{name}: transformers says {str(error)[:100]}") from error


def check(case):
    names = case.options.only.split(",") if case.options.only else list(ARCHITECTURES)
    name = names[case.index % len(names)]
    tokens = [case.random.randrange(N_VOCAB) for _ in range(case.random.choice([1, 5, 20, 40, 90]))]
    model, wanted = reference_model(case, name, tokens)
    folders.save(model, case.folder / "model")
    answer = case.run("logits", "model", "--tokens", ",".join(map(str, tokens)), "--greedy", str(N_GREEDY), "--json",
                      "-t", "1", "-b", str(case.random.choice([512, 7])))
    if answer.status != checks.OK:
        raise checks.Refused(f"{name}: {answer.reason}")
    said = json.loads(answer.out)
    difference = (torch.tensor(said["logits"]).log_softmax(-1) - wanted).abs().max().item()
    drawn = (case.folder / "drawn.json").read_text()
    if not difference < LOGPROB_DIFFERENCE_MAX:  # also when it is no number
        raise checks.Differs(f"{name}: log-probabilities by {difference:.4f} behind {len(tokens)} tokens", drawn=drawn)
    check_greedy(model, tokens, said["greedy"])


def add_flags(parser):
    parser.add_argument("--only", metavar="NAME,...", help=f"some of: {', '.join(ARCHITECTURES)}")


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    sys.exit(checks.main(__doc__, "models", check, KNOWN, add_flags))
