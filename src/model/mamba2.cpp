// Mamba-2 (Dao & Gu 2024, arXiv:2405.21060, section 7): no attention; every sequence keeps a state
// of fixed size. Per layer
//   z, u, dt = Win n(x);   u = silu(conv(u));   y = scan(u, dt);   x' = x + Wout n(silu(z) * y)
#include "model/arch.h"
#include "model/hparams_reader.h"
#include "model/layer.h"

namespace quire {
namespace {

Result<Hparams> read_hparams(const GgufFile& file) {
  Hparams h = TRY(read_backbone_hparams(file, "mamba2", NormKind::rms));
  const HparamsReader read(file, h.arch);
  SsmHparams& s = h.ssm;
  s.conv_width = TRY(read.integer("ssm.conv_kernel", 1, causal_conv_width_max));
  s.inner_width = TRY(read.integer("ssm.inner_size", 1, width_max));
  s.state_width = TRY(read.integer("ssm.state_size", 1, width_max));
  s.n_head = TRY(read.integer("ssm.time_step_rank", 1, width_max));
  s.n_group = TRY(read.integer_or("ssm.group_count", 1, 1, width_max));
  if (s.inner_width % s.n_head != 0 || s.n_head % s.n_group != 0 || s.inner_width % s.n_group != 0)
    return fail(Fault::bad_format, "{}: a width of {} cannot be cut into {} heads in {} groups",
                file.path(), s.inner_width, s.n_head, s.n_group);
  return h;
}

void write_hparams(GgufWriter& writer, const Hparams& h) {
  write_backbone_hparams(writer, h);
  const auto add = [&](const char* name, int64_t value) {
    writer.add_u32(fmt::format("{}.{}", h.arch, name), static_cast<uint32_t>(value));
  };
  add("feed_forward_length", 0);
  add("attention.head_count", 0);
  add("ssm.conv_kernel", h.ssm.conv_width);
  add("ssm.inner_size", h.ssm.inner_width);
  add("ssm.state_size", h.ssm.state_width);
  add("ssm.time_step_rank", h.ssm.n_head);
  add("ssm.group_count", h.ssm.n_group);
}

// n (T, D), normalized -> (T, inner width)
ValueId mixer(GraphBuilder& g, const Hparams& h, const Layer& layer, ValueId n) {
  const int64_t I = h.ssm.inner_width, H = h.ssm.n_head, G = h.ssm.n_group, N = h.ssm.state_width;
  const int64_t C = I + 2 * G * N;  // channels of the convolution
  const auto name = [&](const char* what) { return layer.name(what); };
  const ValueId all = layer.linear("ssm_in", n, I + C + H);
  const ValueId z = g.columns(name("ssm_z"), all, 0, I);
  const ValueId dt = g.columns(name("ssm_dt"), all, I + C, H);
  const ValueId bias = h.has("ssm_conv1d.bias") ? g.param(name("ssm_conv1d.bias"), {C}) : no_value;
  ValueId u = g.causal_conv(name("ssm_conv1d"), g.columns(name("ssm_xbc"), all, I, C),
                            g.param(name("ssm_conv1d.weight"), {C, h.ssm.conv_width}), bias);
  u = g.activation(name("ssm_conv_act"), u, Activation::silu);
  const auto part = [&](const char* what, int64_t begin, int64_t n_heads, int64_t width) {
    const ValueId columns = g.columns(name(what) + "_columns", u, begin, n_heads * width);
    return g.view(name(what), columns, {dim_T, n_heads, width});
  };
  const ValueId x = part("ssm_x", 0, H, I / H), b = part("ssm_b", I, G, N);
  const ValueId c = part("ssm_c", I + G * N, G, N);
  const GraphBuilder::Ssm ssm{.a = g.param(name("ssm_a"), {H, 1}),
                              .d = g.param(name("ssm_d"), {H, 1}),
                              .dt_bias = g.param(name("ssm_dt.bias"), {H})};
  const ValueId y =
      g.view(name("ssm_rows"), g.ssm_scan(name("ssm_scan"), x, dt, b, c, ssm), {dim_T, I});
  const ValueId gated = g.gated(name("ssm_gated"), z, y, Activation::silu);
  const ValueId groups = g.view(name("ssm_groups"), gated, {dim_T, G, I / G});
  return g.view(name("ssm_out_rows"), layer.norm_of_heads("ssm_norm", groups), {dim_T, I});
}

void build(GraphBuilder& g, const Hparams& h) {
  ValueId x = embed_tokens(g, h);
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const Layer layer(g, h, i);
    const ValueId y = mixer(g, h, layer, layer.norm("attn_norm", x));
    const ValueId out = layer.linear("ssm_out", layer.wanted("wanted_ssm", y), h.n_embd);
    x = g.add(layer.name("ssm_residual"), layer.wanted("wanted", x), out);
  }
  finish_decoder(g, h, x);
}

}  // namespace

extern const Arch arch_mamba2;
const Arch arch_mamba2{"mamba2", read_hparams, write_hparams, build};

}  // namespace quire
