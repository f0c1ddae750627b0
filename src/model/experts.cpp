#include "model/experts.h"

#include <algorithm>
#include <limits>

namespace quire {
namespace {

// In ARCH.expert_gating_func; the last is a softmax over the chosen ones, which is the first with
// weights that add up to 1.
constexpr int64_t softmax_id = 1, sigmoid_id = 2, softmax_weight_id = 3;

Result<void> read_groups(const HparamsReader& read, ExpertHparams& e) {
  e.n_groups = TRY(read.integer_or("expert_group_count", 1, 0, e.n));
  if (e.n_groups <= 1) {
    e.n_groups = e.n_groups_used = 1;
    return {};
  }
  e.n_groups_used = TRY(read.integer_or("expert_group_used_count", e.n_groups, 1, e.n_groups));
  if (e.n % e.n_groups != 0 || e.n / e.n_groups * e.n_groups_used < e.n_used)
    return fail(Fault::bad_format,
                "{}: {} experts in {} groups, of which {} are used, cannot give {} experts",
                read.file().path(), e.n, e.n_groups, e.n_groups_used, e.n_used);
  e.group_best = e.scores == RouteScores::sigmoid ? std::min<int64_t>(2, e.n / e.n_groups) : 1;
  return {};
}

// gpt-oss limits both factors and adds 1 to the second.
ValueId activate(GraphBuilder& g, const Hparams& h, const std::string& prefix, ValueId gate,
                 ValueId up) {
  const float limit = h.experts.gate_limit;
  if (limit == 0) return g.gated(prefix + "_act", gate, up, Activation::silu);
  gate = g.clamp(prefix + "_gate_clamped", gate,
                 {.low = -std::numeric_limits<float>::infinity(), .high = limit});
  up = g.clamp(prefix + "_up_clamped", up, {.low = -limit, .high = limit, .offset = 1});
  return g.gated(prefix + "_act", gate, up, Activation::gelu_quick);
}

// Every row goes through these, in qwen2moe as much as a gate of their own says.
ValueId shared_experts(GraphBuilder& g, const Hparams& h, const Layer& layer, ValueId x) {
  const ValueId y = layer.gated_ffn(x, Activation::silu, h.experts.n_ff_shared, "_shexp");
  if (!h.has("ffn_gate_inp_shexp.weight")) return y;
  const ValueId w = g.param(layer.name("ffn_gate_inp_shexp.weight"), {h.n_embd});
  const ValueId share =
      g.activation(layer.name("ffn_shexp_share"), g.linear(layer.name("ffn_gate_inp_shexp"), x, w),
                   Activation::sigmoid);
  const Dim rows = g.shape(y)[0];
  return g.expert_sum(layer.name("ffn_shexp_part"),
                      g.view(layer.name("ffn_shexp"), y, {rows, 1, h.n_embd}), share);
}

}  // namespace

Result<void> read_expert_hparams(const HparamsReader& read, Hparams& h) {
  ExpertHparams& e = h.experts;
  e.n = TRY(read.integer_or("expert_count", 0, 0, route_experts_max));
  if (e.n == 0) return {};
  e.n_used = TRY(read.integer("expert_used_count", 1, e.n));
  e.n_ff = TRY(read.integer_or("expert_feed_forward_length", h.n_ff, 1, width_max));
  e.n_ff_shared = TRY(read.integer_or("expert_shared_feed_forward_length", 0, 0, width_max));
  if (e.n_ff_shared == 0)
    e.n_ff_shared = e.n_ff * TRY(read.integer_or("expert_shared_count", 0, 0, route_experts_max));
  const bool shared = h.has("ffn_down_shexp.weight");
  if (!shared) e.n_ff_shared = 0;
  if (shared && e.n_ff_shared == 0) e.n_ff_shared = h.n_ff;  // files from before these keys
  e.n_dense_lead = TRY(read.integer_or("leading_dense_block_count", 0, 0, h.n_layer));
  e.scale = TRY(read.number_or("expert_weights_scale", 1, 0, 1e6));
  if (e.scale == 0) e.scale = 1;  // some converters write 0 where there is no scale
  e.normalize = TRY(read.file().get_bool_or(read.key("expert_weights_norm"), e.normalize));
  const int64_t scores = TRY(read.integer_or(
      "expert_gating_func", e.scores == RouteScores::sigmoid ? sigmoid_id : softmax_id, 0, 255));
  if (scores > softmax_weight_id)
    return fail(
        Fault::unsupported,
        "{}: {} is {}; 1 (softmax), 2 (sigmoid) and 3 (softmax of the chosen) are supported",
        read.file().path(), read.key("expert_gating_func"), scores);
  if (scores == softmax_weight_id) e.normalize = true;
  if (scores != 0) e.scores = scores == sigmoid_id ? RouteScores::sigmoid : RouteScores::softmax;
  return read_groups(read, e);
}

void write_expert_hparams(GgufWriter& writer, const Hparams& h) {
  const ExpertHparams& e = h.experts;
  if (e.n == 0) return;
  const auto add = [&](const char* name, int64_t value) {
    writer.add_u32(fmt::format("{}.{}", h.arch, name), static_cast<uint32_t>(value));
  };
  add("expert_count", e.n);
  add("expert_used_count", e.n_used);
  add("expert_feed_forward_length", e.n_ff);
  if (e.n_ff_shared > 0) add("expert_shared_feed_forward_length", e.n_ff_shared);
  if (e.n_dense_lead > 0) add("leading_dense_block_count", e.n_dense_lead);
  if (e.n_groups > 1) add("expert_group_count", e.n_groups);
  if (e.n_groups > 1) add("expert_group_used_count", e.n_groups_used);
  add("expert_gating_func", e.scores == RouteScores::sigmoid ? sigmoid_id : softmax_id);
  writer.add_f32(h.arch + ".expert_weights_scale", e.scale);
  writer.add_bool(h.arch + ".expert_weights_norm", e.normalize);
}

void note_dense_layers(const GgufFile& file, Hparams& h) {
  if (h.experts.n == 0 || !h.has("ffn_up.weight")) return;
  for (int64_t i = 0; i < h.n_layer; ++i) {
    const std::string name = fmt::format("blk.{}.ffn_up.weight", i);
    if (file.find(name) != nullptr) h.parts.insert(name);
  }
}

bool has_experts(const Hparams& h, const Layer& layer) {
  return !h.has(layer.name("ffn_up.weight"));
}

ValueId mixture_of_experts(GraphBuilder& g, const Hparams& h, const Layer& layer, ValueId x) {
  const ExpertHparams& e = h.experts;
  const int64_t X = e.n, D = h.n_embd, F = e.n_ff;
  const ValueId logits = layer.linear("ffn_gate_inp", x, X);
  const ValueId bias =
      h.has("exp_probs_b.bias") ? g.param(layer.name("exp_probs_b.bias"), {X}) : no_value;
  const auto chosen = g.route(layer.name("ffn_route"), logits,
                              {.scores = e.scores,
                               .n_used = e.n_used,
                               .normalize = e.normalize,
                               .scale = e.scale,
                               .n_groups = e.n_groups,
                               .n_groups_used = e.n_groups_used,
                               .group_best = e.group_best},
                              bias);
  const auto product = [&](const std::string& part, ValueId in, int64_t n_out, int64_t n_in) {
    const std::string name = layer.name(part);
    const ValueId w = g.param(name + ".weight", {X, n_out, n_in});
    const ValueId b = h.has(part + ".bias") ? g.param(name + ".bias", {X, n_out}) : no_value;
    return g.expert_linear(name, in, chosen.experts, w, b);
  };
  ValueId gate, up;
  if (h.has("ffn_gate_up_exps.weight")) {  // both in one, as some files have them
    const ValueId both = product("ffn_gate_up_exps", x, 2 * F, D);
    gate = g.slice(layer.name("ffn_gate_exps"), both, 0, F);
    up = g.slice(layer.name("ffn_up_exps"), both, F, F);
  } else {
    gate = product("ffn_gate_exps", x, F, D);
    up = product("ffn_up_exps", x, F, D);
  }
  const ValueId act = activate(g, h, layer.name("ffn_exps"), gate, up);
  const ValueId sum =
      g.expert_sum(layer.name("ffn_exps_sum"), product("ffn_down_exps", act, D, F), chosen.weights);
  if (e.n_ff_shared == 0) return sum;
  return g.add(layer.name("ffn_exps_and_shared"), sum, shared_experts(g, h, layer, x));
}

}  // namespace quire
