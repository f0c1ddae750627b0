// GPT-2 (Radford et al. 2019): learned positions, layer norms with bias, one matrix for q, k and v,
// GELU. Per layer
//   h = x + Wo attention(Wqkv n(x)),   x' = h + Wdown gelu(Wup n(h))
#include "model/arch.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_common_hparams(file, "gpt2"));
  TRY(check_value_width(file, h));
  h.norm_eps = static_cast<float>(TRY(file.get_float("gpt2.attention.layer_norm_epsilon")));
  if (!(h.norm_eps > 0 && h.norm_eps < 1))
    return fail(Fault::bad_format,
                "{}: gpt2.attention.layer_norm_epsilon is {}, it must lie between 0 and 1",
                file.path(), h.norm_eps);
  if (h.n_head_kv != h.n_head)
    return fail(Fault::unsupported,
                "{}: gpt2.attention.head_count_kv is {}, it must be {} as the query heads",
                file.path(), h.n_head_kv, h.n_head);
  h.attn_bias = h.attn_out_bias = h.ffn_bias = true;
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_common_hparams(writer, h);
  writer.add_f32("gpt2.attention.layer_norm_epsilon", h.norm_eps);
}

void build(GraphBuilder& g, const Hparams& h) {
  const int64_t V = h.n_vocab, D = h.n_embd, F = h.n_ff, H = h.n_head, E = h.head_dim;
  const ValueId embedding = g.param("token_embd.weight", {V, D});
  const ValueId tokens = g.embed("embed", g.tokens(), embedding);
  const ValueId places =
      g.embed("embed_position", g.positions(), g.param("position_embd.weight", {h.n_ctx_train, D}));
  ValueId x = g.add("embed_sum", tokens, places);

  for (int64_t layer = 0; layer < h.n_layer; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const auto linear = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in) {
      return g.linear(blk + name, in, g.param(blk + name + ".weight", {n_out, n_in}),
                      g.param(blk + name + ".bias", {n_out}));
    };
    const auto norm = [&](const char* name, ValueId in) {
      return g.layer_norm(blk + name, in, g.param(blk + name + ".weight", {D}),
                          g.param(blk + name + ".bias", {D}), h.norm_eps);
    };
    const ValueId qkv = linear("attn_qkv", norm("attn_norm", x), 3 * H * E, D);
    const auto heads = [&](const std::string& name, int64_t i) {
      return g.view(name, g.columns(name + "_columns", qkv, i * H * E, H * E), {dim_T, H, E});
    };
    const AttentionAttributes attributes{static_cast<int32_t>(layer),
                                         1.0f / std::sqrt(static_cast<float>(E)), 0, 0};
    ValueId a = g.attention(blk + "attention", heads(blk + "q", 0), heads(blk + "k", 1),
                            heads(blk + "v", 2), attributes);
    a = g.view(blk + "attention_rows", a, {dim_T, H * E});
    if (layer + 1 == h.n_layer) {  // from here on only the wanted rows matter
      a = g.select_outputs("wanted_attention", a);
      x = g.select_outputs("wanted", x);
    }
    x = g.add(blk + "attn_residual", x, linear("attn_output", a, D, H * E));
    const ValueId up = linear("ffn_up", norm("ffn_norm", x), F, D);
    const ValueId act = g.activation(blk + "ffn_act", up, Activation::gelu_tanh);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", act, D, F));
  }
  x = g.layer_norm("output_norm", x, g.param("output_norm.weight", {D}),
                   g.param("output_norm.bias", {D}), h.norm_eps);
  g.set_logits(g.linear("logits", x, h.tied_head ? embedding : g.param("output.weight", {V, D})));
}

}  // namespace

extern const Arch arch_gpt2;
const Arch arch_gpt2{"gpt2", read_hparams, write_hparams, build};

}  // namespace quire
