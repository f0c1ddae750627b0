// StableLM: Llama's names; the norms of q and k are a vector for each head.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"stablelm", "stablelm"}};

Result<bool> is_parallel(const HfConfig& config) {
  return config.get_bool_or("use_parallel_residual", false);
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer({.n_ctx = 4096, .rotary_share = 0.25}));
  TRY(m.number_or({"layer_norm_eps"}, "attention.layer_norm_epsilon", 1e-5));
  m.writer().add_bool(m.key("use_parallel_residual"), TRY(is_parallel(m.config())));
  return m.rope();
}

// Side by side, attention and feed-forward share a norm, and this one is not looked at.
Result<void> unless_parallel(HfImport& import, const HfMatch& match) {
  return TRY(is_parallel(import.config())) ? drop(import, match) : keep(import, match);
}

constexpr HfRule rules[] = {
    {"layers.#.post_attention_layernorm", "blk.#.ffn_norm", unless_parallel},
    {"layers.#.self_attn.q_layernorm.norms.*", "blk.#.attn_q_norm", stacked},
    {"layers.#.self_attn.k_layernorm.norms.*", "blk.#.attn_k_norm", stacked},
};

}  // namespace

extern const HfFamily hf_stablelm;
const HfFamily hf_stablelm{types, metadata, rules};

}  // namespace quire
