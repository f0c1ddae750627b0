// Phi-3 and Phi-4 (Abdin et al. 2024, arXiv:2404.14219, arXiv:2412.08905): Llama's layer from two
// fused matrices, q, k, v in one and gate, up in the other; the first part of each head turned, by
// halves; LongRoPE for long contexts; a sliding window in every layer where the file states one.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "phi3", NormKind::rms);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.fused_gated_ffn(layer.norm("ffn_norm", x), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_phi3;
const Arch arch_phi3{"phi3", read_hparams, write_decoder_hparams, build};

}  // namespace quire
