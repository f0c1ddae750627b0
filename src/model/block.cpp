#include "model/block.h"

#include <fmt/format.h>

#include <cmath>

namespace quire {

ValueId Block::linear(const std::string& part, ValueId x, int64_t n_out) const {
  const ValueId w = g_.param(name(part) + ".weight", {n_out, g_.shape(x).back()});
  const ValueId bias = h_.has(part + ".bias") ? g_.param(name(part) + ".bias", {n_out}) : no_value;
  return g_.linear(name(part), x, w, bias);
}

ValueId Block::norm(const std::string& part, ValueId x) const {
  return g_.rms_norm(name(part), x, g_.param(name(part) + ".weight", {g_.shape(x).back()}),
                     h_.norm_eps);
}

ValueId Block::norm_of_heads(const std::string& part, ValueId x) const {
  const DimShape of_row(g_.shape(x).begin() + 1, g_.shape(x).end());
  return g_.rms_norm(name(part), x, g_.param(name(part) + ".weight", of_row), h_.norm_eps);
}

Heads3 Block::heads(ValueId x) const {
  const auto cut = [&](const char* part, const char* what, int64_t n_heads) {
    return g_.view(name(what), linear(part, x, n_heads * h_.head_dim),
                   {dim_T, n_heads, h_.head_dim});
  };
  Heads3 made;
  made.q = cut("attn_q", "q", h_.n_head);
  made.k = cut("attn_k", "k", h_.n_head_kv);
  made.v = cut("attn_v", "v", h_.n_head_kv);
  return made;
}

Heads3 Block::rotated(const Heads3& heads, const RopeAttributes& rope) const {
  const ValueId q = g_.rope(name("q_rope"), heads.q, rope);
  return {q, g_.rope(name("k_rope"), heads.k, rope), heads.v};
}

ValueId Block::attention(const Heads3& heads) const {
  AttentionAttributes attributes;
  attributes.layer = static_cast<int32_t>(index_);
  attributes.scale = 1.0f / std::sqrt(static_cast<float>(h_.head_dim));
  attributes.window = h_.window_of(index_);
  const bool has_sinks = h_.has("attn_sinks.weight");
  const ValueId sinks = has_sinks ? g_.param(name("attn_sinks.weight"), {h_.n_head}) : no_value;
  const ValueId a = g_.attention(name("attention"), heads.q, heads.k, heads.v, attributes, sinks);
  const ValueId rows = g_.view(name("attention_rows"), a, {dim_T, h_.n_head * h_.head_dim});
  return linear("attn_output", wanted("wanted_attention", rows), h_.n_embd);
}

ValueId Block::gated_ffn(ValueId x, int64_t n_ff, const std::string& suffix) const {
  const ValueId gate = linear("ffn_gate" + suffix, x, n_ff);
  const ValueId up = linear("ffn_up" + suffix, x, n_ff);
  const ValueId act = g_.gated(name("ffn_act" + suffix), gate, up, Activation::silu);
  return linear("ffn_down" + suffix, act, h_.n_embd);
}

ValueId Block::wanted(const std::string& what, ValueId x) const {
  return index_ + 1 == h_.n_layer ? g_.select_outputs(what, x) : x;
}

ValueId embed_tokens(GraphBuilder& g, const Hparams& h) {
  return g.embed("embed", g.tokens(), g.param("token_embd.weight", {h.n_vocab, h.n_embd}));
}

void finish_logits(GraphBuilder& g, const Hparams& h, ValueId x) {
  const ValueId n =
      g.rms_norm("output_norm", x, g.param("output_norm.weight", {h.n_embd}), h.norm_eps);
  const char* table = h.tied_head ? "token_embd.weight" : "output.weight";
  g.set_logits(g.linear("logits", n, g.param(table, {h.n_vocab, h.n_embd})));
}

}  // namespace quire
