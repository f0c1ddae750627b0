// Mixtral: Llama's layer with experts in place of the feed-forward part.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"mixtral", "llama"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer({.rope_theta = 1e6}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-5));
  TRY(m.windows(0));
  TRY(m.count({"num_local_experts", "num_experts"}, "expert_count"));
  TRY(m.count_or({"num_experts_per_tok"}, "expert_used_count", 2));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k", key_pairs},
    {"layers.#.block_sparse_moe.gate", "blk.#.ffn_gate_inp"},
    {"layers.#.block_sparse_moe.experts.*.w1", "blk.#.ffn_gate_exps", stacked},
    {"layers.#.block_sparse_moe.experts.*.w2", "blk.#.ffn_down_exps", stacked},
    {"layers.#.block_sparse_moe.experts.*.w3", "blk.#.ffn_up_exps", stacked},
};

}  // namespace

extern const HfFamily hf_mixtral;
const HfFamily hf_mixtral{types, metadata, rules};

}  // namespace quire
