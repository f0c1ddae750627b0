// Phi-3 and Phi-4: one matrix for q, k and v, one for gate and up, as GGUF has them.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"phi3", "phi3"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer({.n_ctx = 4096}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-5));
  TRY(m.windows(0));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.qkv_proj", "blk.#.attn_qkv"},
    {"layers.#.mlp.gate_up_proj", "blk.#.ffn_up"},
};

}  // namespace

extern const HfFamily hf_phi3;
const HfFamily hf_phi3{types, metadata, rules};

}  // namespace quire
