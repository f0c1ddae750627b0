// gpt-oss (OpenAI 2025, arXiv:2508.10925, section 2): biases everywhere, one more score in every
// head that takes its share of the attention (a sink), a window in every other layer, experts whose
// gate is x sigmoid(1.702 x) within limits.
#include "model/arch.h"
#include "model/experts.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_decoder_hparams(file, "gpt-oss", NormKind::rms));
  h.yarn_whole_pairs = false;
  if (h.window > 0 && h.window_layers.empty())
    set_window_period(h, 2);  // every other layer, from the first on
  h.experts.normalize = true;
  h.experts.gate_limit = 7;
  TRY(read_expert_hparams(HparamsReader(file, h.arch), h));
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
    const ValueId n = layer.norm("post_attention_norm", x);
    x = g.add(layer.name("ffn_residual"), x, mixture_of_experts(g, h, layer, n));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gpt_oss;
const Arch arch_gpt_oss{"gpt-oss", read_hparams, write_hparams, build};

}  // namespace quire
