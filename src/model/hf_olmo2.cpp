// OLMo 2 and 3: norms behind attention and feed-forward; three layers of four of the newer one have
// a window and turn unstretched.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"olmo2", "olmo2"}, {"olmo3", "olmo2"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  const bool windowed = m.config().has("sliding_window");
  TRY(m.transformer({.rope_theta = windowed ? 500000.0 : 10000.0}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-5));
  TRY(m.windows(4));
  return windowed ? m.rope_by_layer("rope_local_base_freq", 0) : m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.post_attention_layernorm", "blk.#.post_attention_norm"},
    {"layers.#.post_feedforward_layernorm", "blk.#.post_ffw_norm"},
};

}  // namespace

extern const HfFamily hf_olmo2;
const HfFamily hf_olmo2{types, metadata, rules};

}  // namespace quire
