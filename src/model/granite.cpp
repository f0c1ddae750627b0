// Granite 3 and 4, dense (IBM 2024, arXiv:2405.04324): Llama's layer with four constants: the
// embedding times one, attention's scores times one, what is added to the residual times one, the
// logits divided by one.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "granite", NormKind::rms));
  TRY(read_scales(file, h));
  h.logit_scale = 1 / h.logit_scale;
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  Hparams stored = h;
  stored.logit_scale = 1 / h.logit_scale;
  write_decoder_hparams(writer, stored);
  write_scales(writer, stored);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
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

extern const Arch arch_granite;
const Arch arch_granite{"granite", read_hparams, write_hparams, build};

}  // namespace quire
