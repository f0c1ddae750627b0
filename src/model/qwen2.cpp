// Qwen 2 and 2.5 (Yang et al. 2024, arXiv:2407.10671): Llama's layer with biases on q, k and v, and
// with the halves of a head turned against each other.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "qwen2", NormKind::rms);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_qwen2;
const Arch arch_qwen2{"qwen2", read_hparams, write_decoder_hparams, build};

}  // namespace quire
