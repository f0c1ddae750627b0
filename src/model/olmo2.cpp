// OLMo 2 and 3 (OLMo Team 2025, arXiv:2501.00656): norms only behind attention and feed-forward, q
// and k normed over their whole width before they are turned, by halves. OLMo 3 windows three
// layers of four; those turn without context stretching.
//   h = x + n(attention(x)),   x' = h + n(ffn(h))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "olmo2", NormKind::rms));
  if (h.window > 0 && !file.has("olmo2.attention.sliding_window_pattern")) set_window_period(h, 4);
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes far = rope_attributes(h, RopePairs::halves);
  const RopeAttributes near = window_rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    Qkv rows = layer.qkv(x);
    rows.q = layer.norm("attn_q_norm", rows.q);
    rows.k = layer.norm("attn_k_norm", rows.k);
    const Qkv heads = layer.rotate(layer.heads(rows), h.window_of(i) > 0 ? near : far);
    const ValueId a = layer.norm("post_attention_norm", layer.attention(heads));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.norm("post_ffw_norm", layer.gated_ffn(x, Activation::silu));
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_olmo2;
const Arch arch_olmo2{"olmo2", read_hparams, write_decoder_hparams, build};

}  // namespace quire
