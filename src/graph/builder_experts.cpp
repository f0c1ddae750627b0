// The methods of GraphBuilder for mixtures of experts and for work within heads.
#include "graph/builder.h"

#include <fmt/format.h>

namespace quire {

GraphBuilder::Routing GraphBuilder::route(const std::string& name, ValueId logits,
                                          const RouteAttributes& a, ValueId bias) {
  const DimShape scores = shape(logits), out{scores[0], a.n_used};
  const int64_t X = scores.back().n;
  std::string wrong;
  if (scores.size() != 2)
    wrong = fmt::format("the logits {} must be (T, experts)", describe(logits));
  else if (X > route_experts_max)
    wrong = fmt::format("{} experts are too many, at most {} are supported", X, route_experts_max);
  else if (a.n_groups < 1 || X % a.n_groups != 0 || a.n_groups_used < 1 ||
           a.n_groups_used > a.n_groups)
    wrong = fmt::format("{} experts cannot be taken from {} of {} equal groups", X, a.n_groups_used,
                        a.n_groups);
  else if (a.n_used < 1 || a.n_used > X / a.n_groups * a.n_groups_used)
    wrong =
        fmt::format("{} experts of {} cannot be used", a.n_used, X / a.n_groups * a.n_groups_used);
  else if (a.group_best < 1 || (a.n_groups > 1 && a.group_best > X / a.n_groups))
    wrong =
        fmt::format("the best {} of {} experts cannot rank a group", a.group_best, X / a.n_groups);
  else if (bias != no_value && shape(bias) != DimShape{X})
    wrong =
        fmt::format("the bias {} needs one number for each of the {} experts", describe(bias), X);
  const std::string weights = name + "_weights", experts = name + "_experts";
  if (!wrong.empty())
    return {mistake(Op::route, weights, out, wrong), mistake(Op::route, experts, out, wrong)};
  std::vector<ValueId> inputs{logits};
  if (bias != no_value) inputs.push_back(bias);
  const ValueId id = add_node(Op::route, weights, out, std::move(inputs), a);
  const ValueId chosen = add_value(experts, out, Role::activation);
  graph_.nodes.back().outputs.push_back(chosen);
  return {id, chosen};
}

ValueId GraphBuilder::expert_linear(const std::string& name, ValueId x, ValueId experts, ValueId w,
                                    ValueId bias) {
  const DimShape rows = shape(x), chosen = shape(experts), weight = shape(w);
  const Dim n_out = weight.size() > 1 ? weight[1] : Dim(1);
  const DimShape out{rows[0], chosen.back(), n_out};
  const bool own_rows = rows.size() == 3;
  if (chosen.size() != 2 || rows.size() < 2 || rows.size() > 3 || !(rows[0] == chosen[0]) ||
      (own_rows && !(rows[1] == chosen[1])))
    return mistake(Op::expert_linear, name, out,
                   fmt::format("x is {} and the experts {}: they must be (T, D) or (T, K, D), and "
                               "(T, K)",
                               describe(x), describe(experts)));
  if (weight.size() != 3 || !(weight[2] == rows.back()))
    return mistake(Op::expert_linear, name, out,
                   fmt::format("x is {} but the weight is {}: it must be (experts, N, {})",
                               describe(x), describe(w), rows.back().n));
  std::vector<ValueId> inputs{x, experts, w};
  if (bias != no_value) {
    if (shape(bias) != DimShape{weight[0], weight[1]})
      return mistake(Op::expert_linear, name, out,
                     fmt::format("the weight is {} but the bias is {}: it needs one number per row "
                                 "of every expert",
                                 describe(w), describe(bias)));
    inputs.push_back(bias);
  }
  return add_node(Op::expert_linear, name, out, std::move(inputs));
}

ValueId GraphBuilder::expert_sum(const std::string& name, ValueId x, ValueId weights) {
  const DimShape rows = shape(x);
  const DimShape out{rows[0], rows.back()};
  if (rows.size() != 3 || shape(weights) != DimShape{rows[0], rows[1]})
    return mistake(Op::expert_sum, name, out,
                   fmt::format("x is {} and the weights {}: they must be (T, K, N) and (T, K)",
                               describe(x), describe(weights)));
  return add_node(Op::expert_sum, name, out, {x, weights});
}

ValueId GraphBuilder::head_linear(const std::string& name, ValueId x, ValueId w) {
  const DimShape heads = shape(x), weight = shape(w);
  const DimShape out{heads[0], heads.size() > 1 ? heads[1] : Dim(1),
                     weight.size() > 1 ? weight[1] : Dim(1)};
  if (heads.size() != 3 || weight.size() != 3 || !(weight[0] == heads[1]) ||
      !(weight[2] == heads[2]))
    return mistake(Op::head_linear, name, out,
                   fmt::format("x is {} and the weight {}: they must be (T, H, E) and (H, N, E)",
                               describe(x), describe(w)));
  return add_node(Op::head_linear, name, out, {x, w});
}

ValueId GraphBuilder::slice(const std::string& name, ValueId x, int64_t begin, int64_t n) {
  const DimShape heads = shape(x);
  const DimShape out{heads[0], heads.size() > 1 ? heads[1] : Dim(1), n};
  if (heads.size() != 3 || begin < 0 || n <= 0 || begin + n > heads[2].n)
    return mistake(
        Op::slice, name, out,
        fmt::format("the heads of {} have no {} elements from {} on", describe(x), n, begin));
  return add_node(Op::slice, name, out, {x}, ColumnsAttributes{begin});
}

ValueId GraphBuilder::join(const std::string& name, ValueId a, ValueId b) {
  const DimShape heads = shape(a), other = shape(b);
  const bool fits = heads.size() == 3 && other.size() == 3 && other[0] == heads[0] &&
                    (other[1] == heads[1] || other[1] == Dim(1));
  if (!fits)
    return mistake(Op::join, name, heads,
                   fmt::format("the heads of {} and {} cannot be joined: they must be (T, H, A) "
                               "and (T, H, B) or (T, 1, B)",
                               describe(a), describe(b)));
  return add_node(Op::join, name, {heads[0], heads[1], heads[2].n + other[2].n}, {a, b});
}

ValueId GraphBuilder::clamp(const std::string& name, ValueId x, const ClampAttributes& attributes) {
  return add_node(Op::clamp, name, shape(x), {x}, attributes);
}

}  // namespace quire
