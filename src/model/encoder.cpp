#include "model/encoder.h"

#include <cmath>

namespace quire {
namespace {

constexpr int64_t token_types_max = 1 << 16;

// Rows of a matrix; 0 when there is no such tensor.
Result<int64_t> rows_of(const GgufFile& file, const char* tensor) {
  const GgufTensor* found = file.find(tensor);
  if (found == nullptr) return 0;
  if (found->view.shape.rank == 1) return 1;  // a single row loses a dimension in some files
  if (found->view.shape.rank != 2)
    return fail(Fault::bad_format, "{}: tensor '{}' has the shape {}, it must have two dimensions",
                file.path(), tensor, found->view.shape.text());
  return found->view.shape[0];
}

}  // namespace

Result<Hparams> read_encoder_hparams(const GgufFile& file, const char* arch) {
  Hparams h = TRY(read_common_hparams(file, arch, NormKind::layer));
  const std::string causal = fmt::format("{}.attention.causal", arch);
  if (TRY(file.get_bool_or(causal, false)))
    return fail(Fault::unsupported,
                "{}: {} is true; only encoders that see the whole text are "
                "supported",
                file.path(), causal);
  EncoderHparams& e = h.encoder;
  e.n_token_types = TRY(rows_of(file, "token_types.weight"));
  if (e.n_token_types > token_types_max)
    return fail(Fault::bad_format, "{}: {} token types, at most {} make sense", file.path(),
                e.n_token_types, token_types_max);
  e.n_labels = TRY(rows_of(file, "cls.output.weight"));
  return h;
}

void write_encoder_hparams(GgufWriter& writer, const Hparams& h) {
  write_decoder_hparams(writer, h);
  writer.add_bool(fmt::format("{}.attention.causal", h.arch), false);
  if (h.pooling != Pooling::unspecified)
    writer.add_u32(fmt::format("{}.pooling_type", h.arch), static_cast<uint32_t>(h.pooling));
}

ValueId encoder_norm(GraphBuilder& g, const Hparams& h, const std::string& name, ValueId x) {
  const ValueId w = g.param(name + ".weight", {h.n_embd});
  const ValueId b = h.has("token_embd_norm.bias") ? g.param(name + ".bias", {h.n_embd}) : no_value;
  return g.layer_norm(name, x, w, b, h.norm_eps);
}

ValueId encoder_embedding(GraphBuilder& g, const Hparams& h) {
  const int64_t D = h.n_embd;
  ValueId x = g.embed("embed", g.tokens(), g.param("token_embd.weight", {h.n_vocab, D}));
  if (h.encoder.n_token_types > 0) {
    const ValueId types = g.param("token_types.weight", {h.encoder.n_token_types, D});
    x = g.add("embed_typed", x, g.embed("embed_type", g.token_types(), types));
  }
  if (h.n_rot == 0) {
    const ValueId places = g.param("position_embd.weight", {h.n_ctx_train, D});
    x = g.add("embed_placed", x, g.embed("embed_position", g.positions(), places));
  }
  return encoder_norm(g, h, "token_embd_norm", x);
}

Heads encoder_heads(GraphBuilder& g, const Hparams& h, const std::string& blk, ValueId x) {
  const int64_t D = h.n_embd, H = h.n_head, G = h.n_head_kv, E = h.head_dim;
  const bool fused = h.has("attn_qkv.weight");
  const bool biased = h.has(fused ? "attn_qkv.bias" : "attn_q.bias");
  const auto linear = [&](const std::string& name, int64_t n_out) {
    const ValueId w = g.param(blk + name + ".weight", {n_out, D});
    const ValueId b = biased ? g.param(blk + name + ".bias", {n_out}) : no_value;
    return g.linear(blk + name, x, w, b);
  };
  const auto split = [&](const char* name, ValueId rows, int64_t n) {
    return g.view(blk + name, rows, {dim_T, n, E});
  };
  if (!fused)
    return {split("q", linear("attn_q", H * E), H), split("k", linear("attn_k", G * E), G),
            split("v", linear("attn_v", G * E), G)};
  const ValueId qkv = linear("attn_qkv", (H + 2 * G) * E);
  const auto part = [&](const char* name, int64_t first_head, int64_t n) {
    return split(name,
                 g.columns(fmt::format("{}{}_columns", blk, name), qkv, first_head * E, n * E), n);
  };
  return {part("q", 0, H), part("k", H, G), part("v", H + G, G)};
}

ValueId encoder_attention(GraphBuilder& g, const Hparams& h, int64_t layer, const Heads& heads,
                          int64_t window) {
  const std::string blk = fmt::format("blk.{}.", layer);
  const int64_t D = h.n_embd, H = h.n_head, E = h.head_dim;
  const AttentionAttributes attributes{.layer = static_cast<int32_t>(layer),
                                       .scale = 1.0f / std::sqrt(static_cast<float>(E)),
                                       .window = static_cast<int32_t>(window),
                                       .softcap = 0,
                                       .mask = AttentionMask::bidirectional};
  ValueId a = g.attention(blk + "attention", heads.q, heads.k, heads.v, attributes);
  a = g.view(blk + "attention_rows", a, {dim_T, H * E});
  if (layer + 1 == h.n_layer) a = g.select_outputs("wanted_attention", a);
  const ValueId w = g.param(blk + "attn_output.weight", {D, H * E});
  const ValueId b = h.has("attn_output.bias") ? g.param(blk + "attn_output.bias", {D}) : no_value;
  return g.linear(blk + "attn_output", a, w, b);
}

void set_encoder_results(GraphBuilder& g, const Hparams& h, ValueId x, Activation head_activation) {
  const EncoderHparams& e = h.encoder;
  g.set_hidden(x);
  if (e.n_labels == 0) return;
  if (h.has("cls.weight")) {
    const ValueId b = h.has("cls.bias") ? g.param("cls.bias", {h.n_embd}) : no_value;
    x = g.linear("cls", x, g.param("cls.weight", {h.n_embd, h.n_embd}), b);
    x = g.activation("cls_act", x, head_activation);
  }
  if (h.has("cls.norm.weight"))
    x = g.layer_norm("cls_norm", x, g.param("cls.norm.weight", {h.n_embd}), no_value, h.norm_eps);
  const ValueId b = h.has("cls.output.bias") ? g.param("cls.output.bias", {e.n_labels}) : no_value;
  g.set_logits(g.linear("scores", x, g.param("cls.output.weight", {e.n_labels, h.n_embd}), b));
}

}  // namespace quire
