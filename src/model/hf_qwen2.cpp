// Qwen 2 and 2.5: Llama's names, with biases on q, k and v, and heads turned as they are.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"qwen2", "qwen2"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  if (TRY(m.config().get_bool_or("use_sliding_window", false)))
    return fail(Fault::unsupported, "{}: use_sliding_window is not supported for qwen2",
                m.config().path());
  TRY(m.transformer());
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"embed_tokens", "token_embd"},
    {"layers.#.input_layernorm", "blk.#.attn_norm"},
    {"layers.#.self_attn.q_proj", "blk.#.attn_q"},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k"},
    {"layers.#.self_attn.v_proj", "blk.#.attn_v"},
    {"layers.#.self_attn.o_proj", "blk.#.attn_output"},
    {"layers.#.post_attention_layernorm", "blk.#.ffn_norm"},
    {"layers.#.mlp.gate_proj", "blk.#.ffn_gate"},
    {"layers.#.mlp.up_proj", "blk.#.ffn_up"},
    {"layers.#.mlp.down_proj", "blk.#.ffn_down"},
    {"norm", "output_norm"},
    {"lm_head", "output"},
};

}  // namespace

extern const HfFamily hf_qwen2;
const HfFamily hf_qwen2{types, metadata, rules};

}  // namespace quire
