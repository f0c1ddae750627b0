// The methods of GraphBuilder for operations that keep a state for every sequence.
#include "graph/builder.h"

#include <fmt/format.h>

namespace quire {

int32_t GraphBuilder::add_state(int64_t n_floats) {
  graph_.state_sizes.push_back(n_floats);
  return static_cast<int32_t>(graph_.state_sizes.size() - 1);
}

ValueId GraphBuilder::causal_conv(const std::string& name, ValueId x, ValueId w, ValueId bias) {
  const DimShape rows = shape(x), weight = shape(w);
  if (rows.size() != 2 || weight.size() != 2 || !(weight[0] == rows[1]))
    return mistake(Op::causal_conv, name, rows,
                   fmt::format("x is {} and the weight {}: they must be (T, C) and (C, W)",
                               describe(x), describe(w)));
  if (weight[1].n > causal_conv_width_max)
    return mistake(Op::causal_conv, name, rows,
                   fmt::format("the weight {} looks at more than {} rows", describe(w),
                               causal_conv_width_max));
  std::vector<ValueId> inputs{x, w};
  if (bias != no_value) {
    if (shape(bias) != DimShape{weight[0]})
      return mistake(Op::causal_conv, name, rows,
                     fmt::format("the weight is {} but the bias is {}: it needs one number for "
                                 "each channel",
                                 describe(w), describe(bias)));
    inputs.push_back(bias);
  }
  const StateAttributes state{add_state(weight[0].n * (weight[1].n - 1))};
  return add_node(Op::causal_conv, name, rows, std::move(inputs), state);
}

ValueId GraphBuilder::ssm_scan(const std::string& name, ValueId x, ValueId dt, ValueId b, ValueId c,
                               const Ssm& ssm) {
  const DimShape heads = shape(x), groups = shape(b);
  if (heads.size() != 3 || groups.size() != 3 || shape(c) != groups ||
      shape(dt) != DimShape{heads[0], heads[1]} || groups[1].n <= 0 ||
      heads[1].n % groups[1].n != 0)
    return mistake(Op::ssm_scan, name, heads,
                   fmt::format("x is {}, dt {}, b {} and c {}: they must be (T, H, P), (T, H), "
                               "(T, G, N) and (T, G, N), H a multiple of G",
                               describe(x), describe(dt), describe(b), describe(c)));
  const DimShape column{heads[1], 1}, vector{heads[1]};
  if (shape(ssm.a) != column || shape(ssm.d) != column || shape(ssm.dt_bias) != vector)
    return mistake(
        Op::ssm_scan, name, heads,
        fmt::format("{}, {} and {} must have one number for each of the {} heads", describe(ssm.a),
                    describe(ssm.d), describe(ssm.dt_bias), heads[1].n));
  const StateAttributes state{add_state(heads[1].n * heads[2].n * groups[2].n)};
  return add_node(Op::ssm_scan, name, heads, {x, dt, b, c, ssm.a, ssm.d, ssm.dt_bias}, state);
}

}  // namespace quire
