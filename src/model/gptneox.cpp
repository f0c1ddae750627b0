// GPT-NeoX (Black et al. 2022, arXiv:2204.06745) and Pythia (arXiv:2304.01373): layer norms with
// bias, one matrix for q, k and v, the first part of each head turned, by halves, GELU. Attention
// and feed-forward mostly read the same x through norms of their own:
//   x' = x + attention(n1(x)) + ffn(n2(x))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "gptneox", NormKind::layer));
  h.parallel_residual = TRY(file.get_bool_or("gptneox.use_parallel_residual", true));
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  writer.add_bool("gptneox.use_parallel_residual", h.parallel_residual);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = layer.wanted("wanted", x);
    const ValueId sum = layer.add("attn_residual", x, a);
    const ValueId n = layer.norm("ffn_norm", h.parallel_residual ? x : sum);
    x = layer.add("ffn_residual", sum, layer.plain_ffn(n, Activation::gelu_erf));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gptneox;
const Arch arch_gptneox{"gptneox", read_hparams, write_hparams, build};

}  // namespace quire
