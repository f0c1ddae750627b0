// DeepSeek-V2 and V3 (DeepSeek-AI 2024, arXiv:2405.04434 and arXiv:2412.19437): attention over keys
// and values that are kept compressed (section 2.1), mixtures of experts after the first layers.
// Per head h, with c = n(Wkv_a x) of width r, and parts that rotate (pe) beside parts that do not,
//   q = Wq x (or Wq_b n(Wq_a x)),  k_h = (Wk_h c, rope(k_pe)),  v_h = Wv_h c
// Newer files store Wk and Wv apart: then c itself is kept, as the key and the value of one head
// for all,
//   q_h . k_h = (Wk_h^T q_h) . c + rope(q_pe_h) . rope(k_pe),   sum p v_h = Wv_h (sum p c)
// Older ones have both in one matrix that makes keys and values of every head.
#include "model/arch.h"
#include "model/experts.h"

#include <cmath>

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_common_hparams(file, "deepseek2", NormKind::rms));
  const HparamsReader read(file, h.arch);
  TRY(read_rope_hparams(file, h));
  MlaHparams& m = h.mla;
  m.kv_rank = TRY(read.integer("attention.kv_lora_rank", 1, width_max));
  m.q_rank = TRY(read.integer_or("attention.q_lora_rank", 0, 0, width_max));
  m.key_width = TRY(read.integer_or("attention.key_length_mla", h.head_dim, 1, width_max));
  m.value_width = TRY(read.integer_or("attention.value_length_mla", h.value_dim, 1, width_max));
  if (m.key_width <= h.n_rot)
    return fail(Fault::bad_format,
                "{}: keys of width {}, of which {} rotate, leave nothing that does not",
                file.path(), m.key_width, h.n_rot);
  // 0.1 times the factor mscale_all_dim of the reference, whose mscale is the same in all models.
  m.yarn_log_multiplier = TRY(read.number_or("rope.scaling.yarn_log_multiplier", 0, 0, 1e3));
  if (m.yarn_log_multiplier > 0 && h.rope_factor > 1)  // what is turned keeps its length
    h.yarn_attn_factor = 1;
  TRY(read_expert_hparams(read, h));
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  write_expert_hparams(writer, h);
  const auto add = [&](const char* name, int64_t value) {
    writer.add_u32(fmt::format("{}.attention.{}", h.arch, name), static_cast<uint32_t>(value));
  };
  add("kv_lora_rank", h.mla.kv_rank);
  if (h.mla.q_rank > 0) add("q_lora_rank", h.mla.q_rank);
  add("key_length_mla", h.mla.key_width);
  add("value_length_mla", h.mla.value_width);
  if (h.mla.yarn_log_multiplier > 0)
    writer.add_f32(h.arch + ".rope.scaling.yarn_log_multiplier", h.mla.yarn_log_multiplier);
}

// YaRN makes scores larger by the square of this (the reference's mscale).
float attention_scale(const Hparams& h) {
  const double longer = h.rope_scaling == RopeScaling::yarn && h.rope_factor > 1
                            ? h.mla.yarn_log_multiplier * std::log(h.rope_factor)
                            : 0.0;
  return static_cast<float>((1 + longer) * (1 + longer) /
                            std::sqrt(static_cast<double>(h.mla.key_width)));
}

// Latent attention of one layer.
class Latent {
 public:
  Latent(GraphBuilder& g, const Hparams& h, const Layer& layer, const RopeAttributes& rope)
      : g_(g), h_(h), layer_(layer), rope_(rope) {}

  // x (T, D), normalized -> (T, H * Ev)
  ValueId operator()(ValueId x, int64_t index) const {
    const MlaHparams& m = h_.mla;
    const int64_t H = h_.n_head;
    const ValueId q = view("q", queries(x), H, m.key_width);
    const ValueId q_plain = g_.slice(name("q_plain"), q, 0, n_plain());
    const ValueId q_pe = rotated("q_pe", g_.slice(name("q_turning"), q, n_plain(), h_.n_rot));
    const ValueId both = layer_.linear("attn_kv_a_mqa", x, m.kv_rank + h_.n_rot);
    const ValueId c =
        layer_.norm("attn_kv_a_norm", g_.columns(name("kv_compressed"), both, 0, m.kv_rank));
    const ValueId turning = g_.columns(name("k_turning_columns"), both, m.kv_rank, h_.n_rot);
    const ValueId k_pe = rotated("k_pe", view("k_turning", turning, 1, h_.n_rot));
    AttentionAttributes attributes;
    attributes.layer = static_cast<int32_t>(index);
    attributes.scale = attention_scale(h_);
    const ValueId a = h_.has("attn_k_b.weight")
                          ? over_compressed(q_plain, q_pe, c, k_pe, attributes)
                          : over_heads(q_plain, q_pe, c, k_pe, attributes);
    return g_.view(name("attention_rows"), a, {dim_T, H * m.value_width});
  }

 private:
  std::string name(const char* what) const { return layer_.name(what); }
  ValueId view(const char* what, ValueId x, int64_t n_heads, int64_t width) const {
    return g_.view(name(what), x, {dim_T, n_heads, width});
  }
  ValueId rotated(const char* what, ValueId x) const { return g_.rope(name(what), x, rope_); }
  int64_t n_plain() const { return h_.mla.key_width - h_.n_rot; }

  ValueId queries(ValueId x) const {
    const int64_t n = h_.n_head * h_.mla.key_width;
    if (h_.mla.q_rank == 0) return layer_.linear("attn_q", x, n);
    const ValueId compressed = layer_.linear("attn_q_a", x, h_.mla.q_rank);
    return layer_.linear("attn_q_b", layer_.norm("attn_q_a_norm", compressed), n);
  }

  // A matrix (n_out, n_in) for each head.
  ValueId per_head(const char* what, ValueId x, int64_t n_out, int64_t n_in) const {
    const ValueId w = g_.param(name(what) + ".weight", {h_.n_head, n_out, n_in});
    return g_.head_linear(name(what), x, w);
  }

  ValueId over_compressed(ValueId q_plain, ValueId q_pe, ValueId c, ValueId k_pe,
                          const AttentionAttributes& attributes) const {
    const MlaHparams& m = h_.mla;
    const ValueId q = per_head("attn_k_b", q_plain, m.kv_rank, n_plain());
    const ValueId c_head = view("kv_head", c, 1, m.kv_rank);
    const ValueId a = g_.attention(name("attention"), g_.join(name("q_joined"), q, q_pe),
                                   g_.join(name("k_joined"), c_head, k_pe), c_head, attributes);
    return per_head("attn_v_b", a, m.value_width, m.kv_rank);
  }

  ValueId over_heads(ValueId q_plain, ValueId q_pe, ValueId c, ValueId k_pe,
                     const AttentionAttributes& attributes) const {
    const MlaHparams& m = h_.mla;
    const int64_t H = h_.n_head, width = n_plain() + m.value_width;
    const ValueId kv = view("kv", layer_.linear("attn_kv_b", c, H * width), H, width);
    const ValueId k = g_.slice(name("k_plain"), kv, 0, n_plain());
    const ValueId v = g_.slice(name("v"), kv, n_plain(), m.value_width);
    return g_.attention(name("attention"), g_.join(name("q_joined"), q_plain, q_pe),
                        g_.join(name("k_joined"), k, k_pe), v, attributes);
  }

  GraphBuilder& g_;
  const Hparams& h_;
  const Layer& layer_;
  const RopeAttributes& rope_;
};

void build(GraphBuilder& g, const Hparams& h) {
  const RopeAttributes rope = rope_attributes(h, RopePairs::neighbours);
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId a = Latent(g, h, layer, rope)(layer.norm("attn_norm", x), i);
    const ValueId out = layer.linear("attn_output", layer.wanted("wanted_attention", a), h.n_embd);
    x = g.add(layer.name("attn_residual"), layer.wanted("wanted", x), out);
    const ValueId n = layer.norm("ffn_norm", x);
    const bool dense = h.experts.n == 0 || i < h.experts.n_dense_lead;
    x = g.add(layer.name("ffn_residual"), x,
              dense ? layer.gated_ffn(n, Activation::silu) : mixture_of_experts(g, h, layer, n));
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_deepseek2;
const Arch arch_deepseek2{"deepseek2", read_hparams, write_hparams, build};

}  // namespace quire
