// SmolLM 3 (Hugging Face 2025): Llama's layer; every fourth one knows no positions (NoPE, Yang et
// al. 2025, arXiv:2501.18795).
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

constexpr int64_t nope_period = 4;  // in no file: all published models have it

Result<Hparams> read_hparams(const GgufFile& file) {
  return read_decoder_hparams(file, "smollm3", NormKind::rms);
}

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    Qkv heads = layer.heads(layer.qkv(layer.norm("attn_norm", x)));
    if ((i + 1) % nope_period != 0) heads = layer.rotate(heads, rope);
    x = layer.add("attn_residual", layer.wanted("wanted", x), layer.attention(heads));
    const ValueId f = layer.gated_ffn(layer.norm("ffn_norm", x), Activation::silu);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_smollm3;
const Arch arch_smollm3{"smollm3", read_hparams, write_decoder_hparams, build};

}  // namespace quire
