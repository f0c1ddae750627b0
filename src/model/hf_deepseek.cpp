// DeepSeek-V2 and V3: attention over compressed keys and values. kv_b_proj, which makes keys and
// values of every head, is cut in two as newer GGUF files have it: keys the other way around
// (H, rank, width), values (H, width, rank). Layers behind the last one predict further tokens and
// are of no use here.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"deepseek_v2", "deepseek2"}, {"deepseek_v3", "deepseek2"}};

constexpr uint32_t gate_softmax = 1, gate_sigmoid = 2;  // expert_gating_func

Result<void> attention(HfMetadata& m) {
  const int64_t turned = TRY(m.get_count({"qk_rope_head_dim"}));
  const int64_t plain = TRY(m.get_count({"qk_nope_head_dim"}));
  const int64_t value = TRY(m.get_count({"v_head_dim"}));
  const int64_t rank = TRY(m.get_count({"kv_lora_rank"}));
  TRY(m.count({"num_attention_heads"}, "attention.head_count"));
  const auto add = [&](const char* name, int64_t count) {
    m.writer().add_u32(m.key(name), static_cast<uint32_t>(count));
  };
  // As one key and one value for all heads.
  add("attention.head_count_kv", 1);
  add("attention.key_length", rank + turned);
  add("attention.value_length", rank);
  add("attention.key_length_mla", plain + turned);
  add("attention.value_length_mla", value);
  add("attention.kv_lora_rank", rank);
  TRY(m.count_if_present({"q_lora_rank"}, "attention.q_lora_rank"));
  m.set_head_dim(turned);
  m.yarn_scales_scores();
  return {};
}

Result<void> experts(HfMetadata& m) {
  const HfConfig& config = m.config();
  const bool third = config.get_string_or("model_type", "").value_or("") == "deepseek_v3";
  if (TRY(config.get_int_or("moe_layer_freq", 1)) != 1)
    return fail(Fault::unsupported, "{}: moe_layer_freq must be 1", config.path());
  TRY(m.require("topk_method", {"greedy", "group_limited_greedy", "noaux_tc"}));
  TRY(m.require("scoring_func", {"softmax", "sigmoid"}));
  const std::string scoring =
      TRY(config.get_string_or("scoring_func", third ? "sigmoid" : "softmax"));
  const std::string choosing =
      TRY(config.get_string_or("topk_method", third ? "noaux_tc" : "greedy"));
  const std::string_view scores = scoring, method = choosing;
  if ((method == "noaux_tc") != (scores == "sigmoid"))
    return fail(Fault::unsupported, "{}: topk_method '{}' with scoring_func '{}' is not supported",
                config.path(), method, scores);
  TRY(m.count({"n_routed_experts", "num_local_experts"}, "expert_count"));
  TRY(m.count({"num_experts_per_tok"}, "expert_used_count"));
  TRY(m.count({"moe_intermediate_size"}, "expert_feed_forward_length"));
  TRY(m.count_if_present({"n_shared_experts"}, "expert_shared_count"));
  TRY(m.count_or({"first_k_dense_replace"}, "leading_dense_block_count", 0));
  TRY(m.number_or({"routed_scaling_factor"}, "expert_weights_scale", 1));
  if (method != "greedy") {
    TRY(m.count_if_present({"n_group"}, "expert_group_count"));
    TRY(m.count_if_present({"topk_group"}, "expert_group_used_count"));
  }
  m.writer().add_u32(m.key("expert_gating_func"),
                     scores == "sigmoid" ? gate_sigmoid : gate_softmax);
  m.writer().add_bool(m.key("expert_weights_norm"),
                      TRY(config.get_bool_or("norm_topk_prob", third)));
  return {};
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.require_flag("rope_interleave", true, true));
  TRY(m.count_or({"max_position_embeddings"}, "context_length", 2048));
  TRY(m.count({"hidden_size"}, "embedding_length"));
  TRY(m.count({"num_hidden_layers"}, "block_count"));
  TRY(m.count({"intermediate_size"}, "feed_forward_length"));
  if (m.config().has("vocab_size")) TRY(m.count({"vocab_size"}, "vocab_size"));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(attention(m));
  TRY(experts(m));
  return m.rope();
}

Result<void> keys_and_values(HfImport& import, const HfMatch& match) {
  const HfRows rows = TRY(import.rows(match.from));
  const int64_t plain = TRY(import.config().get_int("qk_nope_head_dim"));
  const int64_t value = TRY(import.config().get_int("v_head_dim"));
  const int64_t n_head = import.n_head(), width = plain + value;
  TRY(import.expect(
      plain > 0 && value > 0 && rows.shape.rank == 2 && rows.shape[0] == n_head * width, match.from,
      rows.shape,
      fmt::format("{} heads with keys of width {} and values of width {} are to be "
                  "cut from it",
                  n_head, plain, value)));
  const int64_t rank = rows.shape[1];
  const auto of_heads = [&](int64_t first, int64_t n) {
    HfRows part =
        permuted_rows(rows, [=](int64_t row) { return row / n * width + first + row % n; });
    part.shape = {n_head, n, rank};
    return part;
  };
  const std::string blk = fmt::format("blk.{}.", match.layer);
  TRY(import.add(blk + "attn_k_b.weight", transposed_parts(of_heads(0, plain))));
  return import.add(blk + "attn_v_b.weight", of_heads(plain, value));
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.q_a_proj", "blk.#.attn_q_a"},
    {"layers.#.self_attn.q_a_layernorm", "blk.#.attn_q_a_norm"},
    {"layers.#.self_attn.q_b_proj", "blk.#.attn_q_b"},
    {"layers.#.self_attn.kv_a_proj_with_mqa", "blk.#.attn_kv_a_mqa"},
    {"layers.#.self_attn.kv_a_layernorm", "blk.#.attn_kv_a_norm"},
    {"layers.#.self_attn.kv_b_proj", "blk.#.attn_kv_b", keys_and_values, LowRank::heads},
    {"layers.#.mlp.gate.e_score_correction_bias", "blk.#.exp_probs_b.bias"},
    {"layers.#.mlp.shared_experts.gate_proj", "blk.#.ffn_gate_shexp"},
    {"layers.#.mlp.shared_experts.up_proj", "blk.#.ffn_up_shexp"},
    {"layers.#.mlp.shared_experts.down_proj", "blk.#.ffn_down_shexp"},
};

}  // namespace

extern const HfFamily hf_deepseek;
const HfFamily hf_deepseek{types, metadata, rules};

}  // namespace quire
