// Qwen3-MoE (Qwen Team 2025, arXiv:2505.09388, section 2): queries and keys normalized within their
// heads, and a mixture of experts whose weights add up to 1.
#include "model/arch.h"
#include "model/experts.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "qwen3moe", NormKind::rms));
  h.experts.normalize = true;
  TRY(read_expert_hparams(HparamsReader(file, h.arch), h));
  note_dense_layers(file, h);
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  write_expert_hparams(writer, h);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::halves);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    Qkv heads = layer.heads(layer.norm("attn_norm", x));
    heads.q = layer.norm("attn_q_norm", heads.q);
    heads.k = layer.norm("attn_k_norm", heads.k);
    const ValueId a = layer.attention(layer.rotate(heads, rope));
    x = g.add(layer.name("attn_residual"), layer.wanted("wanted", x), a);
    const ValueId in = layer.norm("ffn_norm", x);
    x = g.add(layer.name("ffn_residual"), x,
              has_experts(h, layer) ? mixture_of_experts(g, h, layer, in)
                                    : layer.gated_ffn(in, Activation::silu));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_qwen3moe;
const Arch arch_qwen3moe{"qwen3moe", read_hparams, write_hparams, build};

}  // namespace quire
