// Command-R, Command R7B and Command A: Llama's names; neighbours are turned in the checkpoint too.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"cohere", "command-r"}, {"cohere2", "cohere2"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"silu", "swish"}));
  TRY(m.transformer({.n_ctx = 8192}));
  TRY(m.number_or({"layer_norm_eps"}, "attention.layer_norm_epsilon", 1e-5));
  TRY(m.number_or({"logit_scale"}, "logit_scale", 0.0625));
  if (m.arch() == "cohere2") TRY(m.windows(4));
  return m.rope();
}

}  // namespace

extern const HfFamily hf_cohere;
const HfFamily hf_cohere{types, metadata, {}};

}  // namespace quire
