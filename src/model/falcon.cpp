// Falcon (Almazrouei et al. 2023, arXiv:2311.16867): attention and feed-forward side by side, heads
// turned by halves, GELU, one matrix for q, k and v. The 7B model has one key/value head and one
// norm for both sides; the new decoder architecture (40B, 180B) has groups of heads and a second
// norm, for attention; Falcon 2 (11B) has groups and one norm.
//   x' = x + attention(n2(x)) + ffn(n(x))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "falcon", NormKind::layer);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId n = layer.norm("attn_norm", x);
    const ValueId n2 = h.has("attn_norm_2.weight") ? layer.norm("attn_norm_2", x) : n;
    const ValueId a = layer.attention(layer.rotate(layer.heads(layer.qkv(n2)), rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.plain_ffn(layer.wanted("wanted_norm", n), Activation::gelu_erf);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_falcon;
const Arch arch_falcon{"falcon", read_hparams, write_decoder_hparams, build};

}  // namespace quire
