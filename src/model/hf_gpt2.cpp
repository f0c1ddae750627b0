// GPT-2: matrices are stored (in, out), as its Conv1D layer multiplies them.
#include "model/hf_family.h"

namespace quire {
namespace {

constexpr HfModelType types[] = {{"gpt2", "gpt2"}};

Result<void> metadata(HfMetadata& m) {
  TRY(m.require("activation_function", {"gelu_new", "gelu_pytorch_tanh"}));
  TRY(m.count({"n_positions"}, "context_length"));
  TRY(m.count({"n_embd"}, "embedding_length"));
  TRY(m.count({"n_layer"}, "block_count"));
  const int64_t width = TRY(m.get_count({"n_embd"}));
  TRY(m.count_or({"n_inner"}, "feed_forward_length", 4 * width));
  TRY(m.count({"n_head"}, "attention.head_count"));
  TRY(m.number_or({"layer_norm_epsilon"}, "attention.layer_norm_epsilon", 1e-5));
  if (TRY(m.config().get_bool_or("scale_attn_by_inverse_layer_idx", false)))
    return fail(Fault::unsupported, "{}: scale_attn_by_inverse_layer_idx is not supported",
                m.config().path());
  return {};
}

constexpr HfRule rules[] = {
    {"wte", "token_embd"},
    {"wpe", "position_embd"},
    {"h.#.ln_1", "blk.#.attn_norm"},
    {"h.#.attn.c_attn", "blk.#.attn_qkv", transposed},
    {"h.#.attn.c_proj", "blk.#.attn_output", transposed},
    {"h.#.ln_2", "blk.#.ffn_norm"},
    {"h.#.mlp.c_fc", "blk.#.ffn_up", transposed},
    {"h.#.mlp.c_proj", "blk.#.ffn_down", transposed},
    {"h.#.attn.bias", "", drop},         // the causal mask
    {"h.#.attn.masked_bias", "", drop},  // what it hides scores with
    {"ln_f", "output_norm"},
    {"lm_head", "output"},
};

}  // namespace

extern const HfFamily hf_gpt2;
const HfFamily hf_gpt2{types, metadata, rules};

}  // namespace quire
