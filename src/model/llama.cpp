// Llama (Touvron et al. 2023, arXiv:2302.13971; Llama 3, arXiv:2407.21783) and everything of its
// shape: Mistral 7B, SmolLM, TinyLlama, our own tales. Per layer
//   h = x + Wo attention(rope(Wq n(x)), rope(Wk n(x)), Wv n(x)),   x' = h + Wdown(silu(Wgate n(h))
//   * Wup n(h))
// with n = rms_norm, grouped key/value heads, optional biases, a tied or an own head. With experts
// in place of the feed-forward part it is Mixtral (Jiang et al. 2024, arXiv:2401.04088).
#include "model/arch.h"
#include "model/experts.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_common_hparams(file, "llama"));
  TRY(check_value_width(file, h));
  h.norm_eps = static_cast<float>(TRY(file.get_float("llama.attention.layer_norm_rms_epsilon")));
  if (!(h.norm_eps > 0 && h.norm_eps < 1))
    return fail(Fault::bad_format,
                "{}: llama.attention.layer_norm_rms_epsilon is {}, it must lie between 0 and 1",
                file.path(), h.norm_eps);
  TRY(read_rope_hparams(file, h));
  h.experts.normalize = true;
  TRY(read_expert_hparams(HparamsReader(file, h.arch), h));
  h.attn_bias = file.find("blk.0.attn_q.bias") != nullptr;
  h.attn_out_bias = file.find("blk.0.attn_output.bias") != nullptr;
  h.ffn_bias = file.find("blk.0.ffn_down.bias") != nullptr;
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_common_hparams(writer, h);
  write_rope_hparams(writer, h);
  write_expert_hparams(writer, h);
  writer.add_f32("llama.attention.layer_norm_rms_epsilon", h.norm_eps);
}

void build(GraphBuilder& g, const Hparams& h) {
  const int64_t V = h.n_vocab, D = h.n_embd, F = h.n_ff, H = h.n_head, G = h.n_head_kv,
                E = h.head_dim;
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
  const float scale = 1.0f / std::sqrt(static_cast<float>(E));
  const ValueId embedding = g.param("token_embd.weight", {V, D});
  ValueId x = g.embed("embed", g.tokens(), embedding);

  for (int64_t layer = 0; layer < h.n_layer; ++layer) {
    const std::string blk = fmt::format("blk.{}.", layer);
    const auto linear = [&](const char* name, ValueId in, int64_t n_out, int64_t n_in,
                            bool biased) {
      const ValueId w = g.param(blk + name + ".weight", {n_out, n_in});
      const ValueId b = biased ? g.param(blk + name + ".bias", {n_out}) : no_value;
      return g.linear(blk + name, in, w, b);
    };
    const auto norm = [&](const char* name, ValueId in) {
      return g.rms_norm(blk + name, in, g.param(blk + name + ".weight", {D}), h.norm_eps);
    };
    const auto heads = [&](const char* name, ValueId in, int64_t n_heads) {
      return g.view(blk + name, in, {dim_T, n_heads, E});
    };

    ValueId n = norm("attn_norm", x);
    ValueId q = heads("q", linear("attn_q", n, H * E, D, h.attn_bias), H);
    ValueId k = heads("k", linear("attn_k", n, G * E, D, h.attn_bias), G);
    const ValueId v = heads("v", linear("attn_v", n, G * E, D, h.attn_bias), G);
    q = g.rope(blk + "q_rope", q, rope);
    k = g.rope(blk + "k_rope", k, rope);
    const AttentionAttributes attributes{static_cast<int32_t>(layer), scale, h.window_of(layer), 0};
    ValueId a = g.attention(blk + "attention", q, k, v, attributes);
    a = g.view(blk + "attention_rows", a, {dim_T, H * E});
    if (layer + 1 == h.n_layer) {  // from here on only the wanted rows matter
      a = g.select_outputs("wanted_attention", a);
      x = g.select_outputs("wanted", x);
    }
    x = g.add(blk + "attn_residual", x, linear("attn_output", a, D, H * E, h.attn_out_bias));

    n = norm("ffn_norm", x);
    if (h.experts.n > 0) {
      x = g.add(blk + "ffn_residual", x, mixture_of_experts(g, h, Block(g, h, layer), n));
      continue;
    }
    const ValueId gate = linear("ffn_gate", n, F, D, h.ffn_bias);
    const ValueId up = linear("ffn_up", n, F, D, h.ffn_bias);
    const ValueId act = g.gated(blk + "ffn_act", gate, up, Activation::silu);
    x = g.add(blk + "ffn_residual", x, linear("ffn_down", act, D, F, h.ffn_bias));
  }
  x = g.rms_norm("output_norm", x, g.param("output_norm.weight", {D}), h.norm_eps);
  g.set_logits(g.linear("logits", x, h.tied_head ? embedding : g.param("output.weight", {V, D})));
}

}  // namespace

extern const Arch arch_llama;
const Arch arch_llama{"llama", read_hparams, write_hparams, build};

}  // namespace quire
