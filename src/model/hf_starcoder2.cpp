// StarCoder 2: Llama's names but for the plain feed-forward part.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"starcoder2", "starcoder2"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("hidden_act", {"gelu_pytorch_tanh"}));
  TRY(m.transformer({.n_ctx = 4096}));
  TRY(m.number_or({"norm_epsilon"}, "attention.layer_norm_epsilon", 1e-5));
  TRY(m.windows(0));
  return m.rope();
}

constexpr HfRule rules[] = {
    {"layers.#.mlp.c_fc", "blk.#.ffn_up"},
    {"layers.#.mlp.c_proj", "blk.#.ffn_down"},
};

}  // namespace

extern const HfFamily hf_starcoder2;
const HfFamily hf_starcoder2{types, metadata, rules};

}  // namespace quire
