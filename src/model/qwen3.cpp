// Qwen 3 (Yang et al. 2025, arXiv:2505.09388): Llama's layer with heads of a width of their own, q
// and k normed within each head before they are turned, by halves.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "qwen3", NormKind::rms);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    heads.q = layer.norm("attn_q_norm", heads.q);
    heads.k = layer.norm("attn_k_norm", heads.k);
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_qwen3;
const Arch arch_qwen3{"qwen3", read_hparams, write_decoder_hparams, build};

}  // namespace quire
