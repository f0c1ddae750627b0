// GPT-2 (Radford et al. 2019): learned positions, layer norms with bias, one matrix for q, k and v,
// GELU. Per layer
//   h = x + Wo attention(Wqkv n(x)),   x' = h + Wdown gelu(Wup n(h))
#include "model/arch.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_common_hparams(file, "gpt2", NormKind::layer));
  TRY(check_value_width(file, h));
  if (h.n_head_kv != h.n_head)
    return fail(Fault::unsupported,
                "{}: gpt2.attention.head_count_kv is {}, it must be {} as the query heads",
                file.path(), h.n_head_kv, h.n_head);
  return h;
}

void build(GraphBuilder& g, const Hparams& hparams) {
  Hparams h = hparams;
  h.norm = NormKind::layer;
  h.parts.insert({"attn_norm.bias", "attn_qkv.weight", "attn_qkv.bias", "attn_output.bias",
                  "ffn_norm.bias", "ffn_up.bias", "ffn_down.bias", "output_norm.bias"});
  const ValueId places = g.param("position_embd.weight", {h.n_ctx_train, h.n_embd});
  ValueId x =
      g.add("embed_sum", embed_tokens(g, h), g.embed("embed_position", g.positions(), places));
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId a = layer.attention(layer.heads(layer.qkv(layer.norm("attn_norm", x))));
    x = layer.add("attn_residual", layer.wanted("wanted", x), a);
    const ValueId f = layer.plain_ffn(layer.norm("ffn_norm", x), Activation::gelu_tanh);
    x = layer.add("ffn_residual", x, f);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_gpt2;
const Arch arch_gpt2{"gpt2", read_hparams, write_decoder_hparams, build};

}  // namespace quire
