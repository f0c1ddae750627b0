// SmolLM 3: Llama's names; every fourth layer knows no positions, which GGUF takes for granted.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"smollm3", "smollm3"}};
constexpr int64_t nope_period = 4;

Result<void> positions(HfMetadata& m) {
  const HfConfig& config = m.config();
  bool usual = TRY(config.get_int_or("no_rope_layer_interval", nope_period)) == nope_period;
  if (config.has("no_rope_layers")) {  // 1: turned
    const std::vector<int64_t> turned = TRY(config.get_ints("no_rope_layers"));
    usual = true;
    for (size_t i = 0; i < turned.size(); ++i)
      usual = usual && (turned[i] != 0) == ((i + 1) % nope_period != 0);
  }
  if (usual) return {};
  return fail(Fault::unsupported,
              "{}: no_rope_layers names other layers than every {}th, which is not supported",
              config.path(), nope_period);
}

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.require_flag("use_sliding_window", false, false));
  TRY(m.transformer({.n_ctx = 32768, .rope_theta = 2e6}));
  TRY(m.number_or({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon", 1e-6));
  TRY(positions(m));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.self_attn.q_proj", "blk.#.attn_q", query_pairs},
    {"layers.#.self_attn.k_proj", "blk.#.attn_k", key_pairs},
};

}  // namespace

extern const HfFamily hf_smollm3;
const HfFamily hf_smollm3{types, metadata, rules};

}  // namespace quire
