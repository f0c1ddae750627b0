// Qwen2-MoE (Yang et al. 2024, arXiv:2407.10671, section 2.2.2): Qwen2's layer, whose feed-forward
// part is a mixture of experts and one more expert for every row, as much as a sigmoid gate says.
#include "model/arch.h"
#include "model/experts.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "qwen2moe", NormKind::rms));
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
    const Qkv heads = layer.heads(layer.norm("attn_norm", x));
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

extern const Arch arch_qwen2moe;
const Arch arch_qwen2moe{"qwen2moe", read_hparams, write_hparams, build};

}  // namespace quire
