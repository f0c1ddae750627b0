// BERT (Devlin et al. 2018, arXiv:1810.04805) and everything of its shape: RoBERTa, XLM-RoBERTa,
// the bge, e5 and MiniLM families of embedding models and cross-encoders. Norms stand behind the
// sums:
//   h = norm(x + Wo attention(Wq x, Wk x, Wv x)),   x' = norm(h + Wdown gelu(Wup h))
#include "model/encoder.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) { return read_encoder_hparams(file, "bert"); }

void build(GraphBuilder& g, const Hparams& h) {
  const int64_t D = h.n_embd, F = h.n_ff;
  ValueId x = encoder_embedding(g, h);
  for (int64_t layer = 0; layer < h.n_layer; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const auto linear = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in) {
      const ValueId b = h.has("ffn_up.bias") ? g.param(blk + name + ".bias", {n_out}) : no_value;
      return g.linear(blk + name, in, g.param(blk + name + ".weight", {n_out, n_in}), b);
    };
    const ValueId a = encoder_attention(g, h, layer, encoder_heads(g, h, blk, x));
    if (layer + 1 == h.n_layer) x = g.select_outputs("wanted", x);
    x = encoder_norm(g, h, blk + "attn_output_norm", g.add(blk + "attn_residual", x, a));
    const ValueId up =
        g.activation(blk + "ffn_act", linear("ffn_up", x, F, D), Activation::gelu_erf);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", up, D, F));
    x = encoder_norm(g, h, blk + "layer_output_norm", x);
  }
  set_encoder_results(g, h, x, Activation::tanh);
}

}  // namespace

extern const Arch arch_bert;
const Arch arch_bert{"bert", read_hparams, write_encoder_hparams, build};

}  // namespace quire
