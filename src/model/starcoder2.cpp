// StarCoder 2 (Lozhkov et al. 2024, arXiv:2402.19173): layer norms with bias, biases everywhere,
// heads turned by halves, GELU without a gate; a sliding window in every layer where the file
// states one.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "starcoder2", NormKind::layer);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.plain_ffn(layer.norm("ffn_norm", x), Activation::gelu_tanh);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_starcoder2;
const Arch arch_starcoder2{"starcoder2", read_hparams, write_decoder_hparams, build};

}  // namespace quire
