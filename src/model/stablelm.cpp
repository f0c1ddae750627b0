// StableLM 3B-4E1T and StableLM 2 (Bellagente et al. 2024, arXiv:2402.17834): layer norms with
// bias, the first part of each head turned, by halves, biases of q, k and v where the file has
// them. The 12B model also norms q and k, with a weight for each head, and its feed-forward part
// reads what attention reads:
//   h = x + attention(n1(x)),   x' = h + ffn(n2(h))   or   x' = h + ffn(n1(x))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

// Converters write "true" where config.json is silent, which there means false. So a second norm
// speaks against it: side by side, no layer has one.
Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "stablelm", NormKind::layer));
  const bool stated = TRY(file.get_bool_or("stablelm.use_parallel_residual", true));
  h.parallel_residual = stated && !h.has("ffn_norm.weight");
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  writer.add_bool("stablelm.use_parallel_residual", h.parallel_residual);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId n = layer.norm("attn_norm", x);
    Qkv heads = layer.heads(n);
    if (h.has("attn_q_norm.weight")) heads.q = layer.norm_of_heads("attn_q_norm", heads.q);
    if (h.has("attn_k_norm.weight")) heads.k = layer.norm_of_heads("attn_k_norm", heads.k);
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    const ValueId sum = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId read =
        h.parallel_residual ? layer.wanted("wanted_norm", n) : layer.norm("ffn_norm", sum);
    x = layer.add("ffn_residual", sum, layer.gated_ffn(read, Activation::silu));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_stablelm;
const Arch arch_stablelm{"stablelm", read_hparams, write_hparams, build};

}  // namespace quire
