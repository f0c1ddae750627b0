// Command R7B and Command A (Cohere 2024, arXiv:2504.00698): Command-R's layer; three of four have
// a window and turn, the fourth sees everything and knows no positions.
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "cohere2", NormKind::layer));
  TRY(read_scales(file, h));
  if (h.window > 0 && !file.has("cohere2.attention.sliding_window_pattern"))
    set_window_period(h, 4);
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
    if (h.window_of(i) > 0) heads = layer.rotate(heads, rope);
    x = layer.add("attn_residual", layer.wanted("wanted", x), layer.attention(heads));
    const ValueId f = layer.gated_ffn(layer.wanted("wanted_norm", n), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_cohere2;
const Arch arch_cohere2{"cohere2", read_hparams, write_hparams, build};

}  // namespace quire
