// Llama and all that has its config.json and its names: Mistral, SmolLM, TinyLlama.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"llama", "llama"}, {"mistral", "llama"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer());
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(m.windows(0));  // Mistral 7B v0.1
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k", key_pairs},
};

}  // namespace

extern const HfFamily hf_llama;
const HfFamily hf_llama{types, metadata, rules};

}  // namespace quire
