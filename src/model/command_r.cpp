// Command-R (Cohere 2024): attention and feed-forward side by side behind one layer norm without
// bias, neighbours turned, logits times a constant. Command-R+ norms q and k, with a weight for
// each head.
//   x' = x + attention(n(x)) + ffn(n(x))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "command-r", NormKind::layer));
  TRY(read_scales(file, h));
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  write_scales(writer, h);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId n = layer.norm("attn_norm", x);
    Qkv heads = layer.heads(layer.qkv(n));
    if (h.has("attn_q_norm.weight")) heads.q = layer.norm_of_heads("attn_q_norm", heads.q);
    if (h.has("attn_k_norm.weight")) heads.k = layer.norm_of_heads("attn_k_norm", heads.k);
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.gated_ffn(layer.wanted("wanted_norm", n), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_command_r;
const Arch arch_command_r{"command-r", read_hparams, write_hparams, build};

}  // namespace quire
