// Gemma 3, text (Gemma Team 2025, arXiv:2503.19786): Gemma 2's layer without soft caps, q and k
// normed within each head, five windowed layers to one that sees everything; windowed layers turn
// by a base of their own, which context stretching leaves alone.
#include "model/arch.h"
#include "model/layer.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "gemma3", NormKind::rms));
  h.embedding_scale = std::sqrt(static_cast<float>(h.n_embd));
  if (h.window > 0 && !file.has("gemma3.attention.sliding_window_pattern")) set_window_period(h, 6);
  if (h.rope_theta_window == 0) h.rope_theta_window = 10000;
  // The 27B model divides scores by sqrt(D / H); files do not say so.
  if (h.attn_scale == 0 && h.n_layer == 62)
    h.attn_scale = 1.0f / std::sqrt(static_cast<float>(h.n_embd) / static_cast<float>(h.n_head));
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes far = rope_attributes(h, RopePairs::halves);
  const RopeAttributes near = window_rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    heads.q = layer.norm("attn_q_norm", heads.q);
    heads.k = layer.norm("attn_k_norm", heads.k);
    const ValueId a = layer.attention(layer.rotate(heads, h.window_of(i) > 0 ? near : far));
    x = layer.add("attn_residual", layer.wanted("wanted", x), layer.norm("post_attention_norm", a));
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::gelu_tanh);
    x = layer.add("ffn_residual", x, layer.norm("post_ffw_norm", f));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gemma3;
const Arch arch_gemma3{"gemma3", read_hparams, write_decoder_hparams, build};

}  // namespace quire
