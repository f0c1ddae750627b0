// Llama (Touvron et al. 2023, arXiv:2302.13971; Llama 3, arXiv:2407.21783) and everything of its
// shape: Mistral, SmolLM, TinyLlama, our own tales. Per layer, with n = rms_norm,
//   h = x + Wo attention(rope(Wq n(x)), rope(Wk n(x)), Wv n(x))
//   x' = h + Wdown(silu(Wgate n(h)) * Wup n(h))
// grouped key/value heads, optional biases, a tied or an own head, perhaps a sliding window in
// every layer. With experts in place of the feed-forward part it is Mixtral (Jiang et al. 2024,
// arXiv:2401.04088).
#include "model/arch.h"
#include "model/experts.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "llama", NormKind::rms));
  h.experts.normalize = true;
  TRY(read_expert_hparams(HparamsReader(file, h.arch), h));
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  write_expert_hparams(writer, h);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId n = layer.norm("ffn_norm", x);
    x = layer.add("ffn_residual", x,
                  h.experts.n > 0 ? mixture_of_experts(g, h, layer, n)
                                  : layer.gated_ffn(n, Activation::silu));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_llama;
const Arch arch_llama{"llama", read_hparams, write_hparams, build};

}  // namespace quire
