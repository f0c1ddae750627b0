// Gemma 2 (Gemma Team 2024, arXiv:2408.00118): norms before and after attention and feed-forward,
// soft caps on scores and logits, a sliding window in every other layer, the first one included.
#include "model/arch.h"
#include "model/layer.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "gemma2", NormKind::rms));
  h.embedding_scale = std::sqrt(static_cast<float>(h.n_embd));
  if (h.window > 0 && !file.has("gemma2.attention.sliding_window_pattern")) set_window_period(h, 2);
  // The 27B model divides scores by sqrt(D / H); files do not say so.
  if (h.attn_scale == 0 && h.n_layer == 46)
    h.attn_scale = 1.0f / std::sqrt(static_cast<float>(h.n_embd) / static_cast<float>(h.n_head));
  return h;
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), layer.norm("post_attention_norm", a));
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::gelu_tanh);
    x = layer.add("ffn_residual", x, layer.norm("post_ffw_norm", f));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gemma2;
const Arch arch_gemma2{"gemma2", read_hparams, write_decoder_hparams, build};

}  // namespace quire
