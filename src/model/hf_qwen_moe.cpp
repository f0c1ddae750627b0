// Qwen2-MoE and Qwen3-MoE: experts in every layer, or in those that decoder_sparse_step and
// mlp_only_layers leave them in, as the tensors say; the older one has one more for every row.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"qwen2_moe", "qwen2moe"}, {"qwen3_moe", "qwen3moe"}};

Result<void> experts(HfMetadata& m) {
  const HfConfig& config = m.config();
  TRY(m.count({"num_experts", "num_local_experts"}, "expert_count"));
  TRY(m.count({"num_experts_per_tok"}, "expert_used_count"));
  TRY(m.count({"moe_intermediate_size"}, "expert_feed_forward_length"));
  TRY(m.count_if_present({"shared_expert_intermediate_size"}, "expert_shared_feed_forward_length"));
  m.writer().add_bool(m.key("expert_weights_norm"),
                      TRY(config.get_bool_or("norm_topk_prob", false)));
  return {};
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.require_flag("use_sliding_window", false, false));
  TRY(m.transformer({.n_ctx = 32768}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(experts(m));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.mlp.shared_expert.gate_proj", "blk.#.ffn_gate_shexp"},
    {"layers.#.mlp.shared_expert.up_proj", "blk.#.ffn_up_shexp"},
    {"layers.#.mlp.shared_expert.down_proj", "blk.#.ffn_down_shexp"},
    {"layers.#.mlp.shared_expert_gate", "blk.#.ffn_gate_inp_shexp", as_vector},
};

}  // namespace

extern const HfFamily hf_qwen_moe;
const HfFamily hf_qwen_moe{types, metadata, rules};

}  // namespace quire
