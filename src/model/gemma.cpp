// Gemma (Gemma Team 2024, arXiv:2403.08295): Llama's layer with a GELU gate, the embedding times
// sqrt(D). The reference's norms multiply by 1 + w; files store 1 + w.
#include "model/arch.h"
#include "model/layer.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "gemma", NormKind::rms));
  h.embedding_scale = std::sqrt(static_cast<float>(h.n_embd));
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::gelu_tanh);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gemma;
const Arch arch_gemma{"gemma", read_hparams, write_decoder_hparams, build};

}  // namespace quire
