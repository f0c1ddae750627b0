#include "model/layer.h"

#include <cmath>

namespace quire {
namespace {

// "blk.3." + "attn_q": a value, and its parameters blk.3.attn_q.weight and perhaps .bias.
struct Named {
  std::string prefix, part;
  std::string name() const { return prefix + part; }
  ValueId weight(GraphBuilder& g, DimShape shape) const {
    return g.param(name() + ".weight", std::move(shape));
  }
  // no_value where the file has none.
  ValueId bias(GraphBuilder& g, const Hparams& h, DimShape shape) const {
    return h.has(part + ".bias") ? g.param(name() + ".bias", std::move(shape)) : no_value;
  }
};

ValueId norm_of(GraphBuilder& g, const Hparams& h, const Named& named, ValueId x,
                const DimShape& shape) {
  const ValueId w = named.weight(g, shape);
  if (h.norm == NormKind::rms) return g.rms_norm(named.name(), x, w, h.norm_eps);
  return g.layer_norm(named.name(), x, w, named.bias(g, h, shape), h.norm_eps);
}

}  // namespace

ValueId Layer::linear(const std::string& what, ValueId x, int64_t n_out) const {
  const Named named{prefix_, what};
  const ValueId w = named.weight(g_, {n_out, g_.width(x)});
  return g_.linear(named.name(), x, w, named.bias(g_, h_, {n_out}));
}

ValueId Layer::norm(const std::string& what, ValueId x) const {
  return norm_of(g_, h_, {prefix_, what}, x, {g_.width(x)});
}

ValueId Layer::norm_of_heads(const std::string& what, ValueId x) const {
  const DimShape& shape = g_.shape(x);
  return norm_of(g_, h_, {prefix_, what}, x, {shape[1], shape[2]});
}

Qkv Layer::qkv(ValueId x) const {
  const int64_t n_q = h_.n_head * h_.head_dim, n_kv = h_.n_head_kv * h_.head_dim;
  if (!h_.has("attn_qkv.weight"))
    return {linear("attn_q", x, n_q), linear("attn_k", x, n_kv), linear("attn_v", x, n_kv)};
  const ValueId all = linear("attn_qkv", x, n_q + 2 * n_kv);
  return {g_.columns(name("q_columns"), all, 0, n_q), g_.columns(name("k_columns"), all, n_q, n_kv),
          g_.columns(name("v_columns"), all, n_q + n_kv, n_kv)};
}

Qkv Layer::heads(const Qkv& rows) const {
  const auto cut = [&](const std::string& what, ValueId x, int64_t n_heads) {
    return g_.view(name(what), x, {dim_T, n_heads, h_.head_dim});
  };
  return {cut("q", rows.q, h_.n_head), cut("k", rows.k, h_.n_head_kv),
          cut("v", rows.v, h_.n_head_kv)};
}

Qkv Layer::rotate(const Qkv& heads, const RopeAttributes& rope) const {
  return {g_.rope(name("q_rope"), heads.q, rope), g_.rope(name("k_rope"), heads.k, rope), heads.v};
}

ValueId Layer::attention(const Qkv& heads) const {
  const float scale =
      h_.attn_scale > 0 ? h_.attn_scale : 1.0f / std::sqrt(static_cast<float>(h_.head_dim));
  const AttentionAttributes attributes{static_cast<int32_t>(layer_), scale, h_.window_of(layer_),
                                       h_.attn_softcap};
  const ValueId sinks =
      h_.has("attn_sinks.weight") ? g_.param(name("attn_sinks.weight"), {h_.n_head}) : no_value;
  ValueId a = g_.attention(name("attention"), heads.q, heads.k, heads.v, attributes, sinks);
  a = g_.view(name("attention_rows"), a, {dim_T, h_.n_head * h_.head_dim});
  return linear("attn_output", wanted("wanted_attention", a), h_.n_embd);
}

ValueId Layer::gated_ffn(ValueId x, Activation activation, int64_t n_ff,
                         const std::string& suffix) const {
  const int64_t width = n_ff > 0 ? n_ff : h_.n_ff;
  const ValueId gate = linear("ffn_gate" + suffix, x, width);
  const ValueId up = linear("ffn_up" + suffix, x, width);
  const ValueId act = g_.gated(name("ffn_act" + suffix), gate, up, activation);
  return linear("ffn_down" + suffix, act, h_.n_embd);
}

ValueId Layer::fused_gated_ffn(ValueId x, Activation activation) const {
  const ValueId both = linear("ffn_up", x, 2 * h_.n_ff);
  const ValueId gate = g_.columns(name("gate_columns"), both, 0, h_.n_ff);
  const ValueId up = g_.columns(name("up_columns"), both, h_.n_ff, h_.n_ff);
  return linear("ffn_down", g_.gated(name("ffn_act"), gate, up, activation), h_.n_embd);
}

ValueId Layer::plain_ffn(ValueId x, Activation activation) const {
  const ValueId up = linear("ffn_up", x, h_.n_ff);
  return linear("ffn_down", g_.activation(name("ffn_act"), up, activation), h_.n_embd);
}

ValueId Layer::add(const std::string& what, ValueId x, ValueId y) const {
  if (h_.residual_scale != 1) y = g_.scale(name(what) + "_scaled", y, h_.residual_scale);
  return g_.add(name(what), x, y);
}

ValueId embed_tokens(GraphBuilder& g, const Hparams& h) {
  const ValueId table = g.param("token_embd.weight", {h.n_vocab, h.n_embd});
  const ValueId x = g.embed("embed", g.tokens(), table);
  return h.embedding_scale == 1 ? x : g.scale("embed_scaled", x, h.embedding_scale);
}

void finish_decoder(GraphBuilder& g, const Hparams& h, ValueId x) {
  const DimShape table{h.n_vocab, h.n_embd};
  x = norm_of(g, h, {"", "output_norm"}, x, {h.n_embd});
  const Named output{"", h.tied_head ? "token_embd" : "output"};
  ValueId logits = g.linear("logits", x, output.weight(g, table), output.bias(g, h, {h.n_vocab}));
  if (h.logit_scale != 1) logits = g.scale("logits_scaled", logits, h.logit_scale);
  if (h.final_softcap > 0) logits = g.softcap("logits_capped", logits, h.final_softcap);
  g.set_logits(logits);
}

}  // namespace quire
