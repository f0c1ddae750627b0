// Gemma, the first. The checkpoint's norms multiply by 1 + w, GGUF's by w.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"gemma", "gemma"}};

Result<void> metadata(HfMetadata& m) {
  // hidden_act says "gelu" in some, and meant this.
  TRY(m.require("hidden_activation", {"gelu_pytorch_tanh"}));
  TRY(m.transformer({.n_ctx = 8192, .head_dim = 256}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.input_layernorm", "blk.#.attn_norm", plus_one},
    {"layers.#.post_attention_layernorm", "blk.#.ffn_norm", plus_one},
    {"norm", "output_norm", plus_one},
};

}  // namespace

extern const HfFamily hf_gemma;
const HfFamily hf_gemma{types, metadata, rules};

}  // namespace quire
