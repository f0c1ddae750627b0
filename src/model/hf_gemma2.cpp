// Gemma 2 and 3, text. The checkpoints' norms multiply by 1 + w, GGUF's by w.
#include "model/hf_family.h"

#include <cmath>

namespace quire {
namespace {

constexpr HfModelType types[] = {{"gemma2", "gemma2"}, {"gemma3_text", "gemma3"}};

// Scores are divided by sqrt(query_pre_attn_scalar), which mostly is the width of a head.
Result<void> score_scale(HfMetadata& m) {
  const double scalar = TRY(m.config().get_float_or("query_pre_attn_scalar", 256));
  if (!(scalar > 0 && scalar < 1e9))
    return fail(Fault::bad_format, "{}: query_pre_attn_scalar is {}, it must be positive",
                m.config().path(), scalar);
  if (scalar != static_cast<double>(m.head_dim()))
    m.writer().add_f32(m.key("attention.scale"), static_cast<float>(1 / std::sqrt(scalar)));
  return {};
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_activation", {"gelu_pytorch_tanh"}));
  TRY(m.require_flag("use_bidirectional_attention", false, false));
  const bool third = m.arch() == "gemma3";
  HfDefaults defaults{.n_ctx = 8192, .head_dim = 256};
  if (third)  // configurations of models that also see state only what differs
    defaults = {.n_ctx = 131072, .n_head = 8, .n_head_kv = 4, .head_dim = 256, .rope_theta = 1e6};
  TRY(m.transformer(defaults));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(score_scale(m));
  TRY(m.number_if_present({"attn_logit_softcapping"}, "attn_logit_softcapping"));
  TRY(m.number_if_present({"final_logit_softcapping"}, "final_logit_softcapping"));
  TRY(m.windows(third ? 6 : 2));
  return third ? m.rope_by_layer("rope_local_base_freq", 10000) : m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.input_layernorm", "blk.#.attn_norm", plus_one},
    {"layers.#.self_attn.q_norm", "blk.#.attn_q_norm", plus_one},
    {"layers.#.self_attn.k_norm", "blk.#.attn_k_norm", plus_one},
    {"layers.#.post_attention_layernorm", "blk.#.post_attention_norm", plus_one},
    {"layers.#.pre_feedforward_layernorm", "blk.#.ffn_norm", plus_one},
    {"layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm", plus_one},
    {"norm", "output_norm", plus_one},
};

}  // namespace

extern const HfFamily hf_gemma2;
const HfFamily hf_gemma2{types, metadata, rules};

}  // namespace quire
