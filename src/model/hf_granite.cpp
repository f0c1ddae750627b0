// Granite 3 and 4, dense: Llama's names and four constants.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"granite", "granite"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer());
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(m.number_or({"attention_multiplier"}, "attention.scale", 1));
  TRY(m.number_or({"embedding_multiplier"}, "embedding_scale", 1));
  TRY(m.number_or({"residual_multiplier"}, "residual_scale", 1));
  TRY(m.number_or({"logits_scaling"}, "logit_scale", 1));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k", key_pairs},
};

}  // namespace

extern const HfFamily hf_granite;
const HfFamily hf_granite{types, metadata, rules};

}  // namespace quire
