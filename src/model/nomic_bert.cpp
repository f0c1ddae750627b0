// Nomic BERT (Nussbaum et al. 2024, arXiv:2402.01613): BERT with rotary positions and a gated
// feed-forward part,
//   x' = norm(h + Wdown (silu(Wgate h) * Wup h))
#include "model/encoder.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_encoder_hparams(file, "nomic-bert"));
  TRY(read_rope_hparams(file, h));
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const int64_t D = h.n_embd, F = h.n_ff;
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = encoder_embedding(g, h);
  for (int64_t layer = 0; layer < h.n_layer; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const auto linear = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in) {
      const ValueId b = h.has("ffn_up.bias") ? g.param(blk + name + ".bias", {n_out}) : no_value;
      return g.linear(blk + name, in, g.param(blk + name + ".weight", {n_out, n_in}), b);
    };
    Heads heads = encoder_heads(g, h, blk, x);
    heads.q = g.rope(blk + "q_rope", heads.q, rope);
    heads.k = g.rope(blk + "k_rope", heads.k, rope);
    const ValueId a = encoder_attention(g, h, layer, heads);
    if (layer + 1 == h.n_layer) x = g.select_outputs("wanted", x);
    x = encoder_norm(g, h, blk + "attn_output_norm", g.add(blk + "attn_residual", x, a));
    const ValueId gate = linear("ffn_gate", x, F, D), up = linear("ffn_up", x, F, D);
    const ValueId act = g.gated(blk + "ffn_act", gate, up, Activation::silu);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", act, D, F));
    x = encoder_norm(g, h, blk + "layer_output_norm", x);
  }
  set_encoder_results(g, h, x, Activation::tanh);
}

}  // namespace

extern const Arch arch_nomic_bert;
const Arch arch_nomic_bert{"nomic-bert", read_hparams, write_encoder_hparams, build};

}  // namespace quire
