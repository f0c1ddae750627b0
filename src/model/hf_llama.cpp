// Llama and all that has its config.json and its names: Mistral, SmolLM, TinyLlama.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"llama", "llama"}, {"mistral", "llama"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer());
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(m.count_if_present({"sliding_window"}, "attention.sliding_window"));  // Mistral 7B v0.1
  return m.rope();
}

constexpr HfRule rules[] = {
    {"embed_tokens", "token_embd"},
    {"layers.#.input_layernorm", "blk.#.attn_norm"},
    {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k", key_pairs},
    {"layers.#.self_attn.v_proj", "blk.#.attn_v"},
    {"layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    {"layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"layers.#.mlp.down_proj", "blk.#.ffn_down"},
    {"layers.#.self_attn.rotary_emb.inv_freq", "", drop},  // computed
    {"norm", "output_norm"},
    {"lm_head", "output"},
};

}  // namespace

extern const HfFamily hf_llama;
const HfFamily hf_llama{types, metadata, rules};

}  // namespace quire
