#include "graph/builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace quire {
namespace {

bool same(const DimShape& a, const DimShape& b) { return a == b; }

// Product of all dimensions but the first.
int64_t row_length(const DimShape& shape) {
  int64_t product = 1;
  for (size_t i = 1; i < shape.size(); ++i) product *= shape[i].n;
  return product;
}

}  // namespace

GraphBuilder::GraphBuilder() {
  graph_.inputs.tokens = add_value("tokens", {dim_T}, Role::input);
  graph_.inputs.positions = add_value("positions", {dim_T}, Role::input);
}

std::string GraphBuilder::describe(ValueId id) const {
  return fmt::format("'{}' {}", graph_.value(id).name, text(shape(id)));
}

ValueId GraphBuilder::add_value(const std::string& name, DimShape value_shape, Role role) {
  graph_.values.push_back({name, std::move(value_shape), role});
  return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId GraphBuilder::add_node(Op op, const std::string& name, DimShape value_shape,
                               std::vector<ValueId> inputs, Attributes attributes) {
  const ValueId out = add_value(name, std::move(value_shape), Role::activation);
  graph_.nodes.push_back({op, std::move(inputs), {out}, std::move(attributes), false});
  return out;
}

ValueId GraphBuilder::mistake(Op op, const std::string& name, DimShape value_shape,
                              const std::string& what) {
  if (first_mistake_.empty()) first_mistake_ = fmt::format("{}: {}: {}", name, op_name(op), what);
  return add_value(name, std::move(value_shape), Role::activation);
}

ValueId GraphBuilder::param(const std::string& name, DimShape value_shape) {
  if (const auto found = params_.find(name); found != params_.end()) {  // tied weights
    const ValueId known = found->second;
    if (!same(shape(known), value_shape) && first_mistake_.empty())
      first_mistake_ = fmt::format("parameter {} is used as {} and as {}", name, text(shape(known)),
                                   text(value_shape));
    return known;
  }
  for (const Dim& dim : value_shape)
    if (dim.n <= 0 && first_mistake_.empty())
      first_mistake_ =
          fmt::format("parameter {} has the shape {}: every dimension must be positive", name,
                      text(value_shape));
  return params_[name] = add_value(name, std::move(value_shape), Role::parameter);
}

ValueId GraphBuilder::embed(const std::string& name, ValueId ids, ValueId table) {
  if (shape(table).size() != 2)
    return mistake(Op::embed, name, {dim_T, 1},
                   fmt::format("the table {} must have two dimensions", describe(table)));
  return add_node(Op::embed, name, {dim_T, shape(table)[1]}, {table, ids});
}

bool GraphBuilder::is_norm_weight(ValueId x, ValueId w) const {
  const DimShape &of = shape(x), &weight = shape(w);
  const bool heads = weight.size() == 2 && of.size() == 3 && weight[0] == of[1];
  return (weight.size() == 1 || heads) && weight.back() == of.back();
}

ValueId GraphBuilder::rms_norm(const std::string& name, ValueId x, ValueId w, float eps) {
  if (!is_norm_weight(x, w))
    return mistake(Op::rms_norm, name, shape(x),
                   fmt::format("x is {} but the weight is {}: it needs one number for each element "
                               "of x's last dimension, perhaps for every head",
                               describe(x), describe(w)));
  return add_node(Op::rms_norm, name, shape(x), {x, w}, NormAttributes{eps});
}

ValueId GraphBuilder::layer_norm(const std::string& name, ValueId x, ValueId w, ValueId b,
                                 float eps) {
  if (!is_norm_weight(x, w) || (b != no_value && !same(shape(b), shape(w))))
    return mistake(
        Op::layer_norm, name, shape(x),
        fmt::format("x is {}, the weight {}, the bias {}: both need one number for each element "
                    "of x's last dimension, perhaps for every head",
                    describe(x), describe(w), b == no_value ? "absent" : describe(b)));
  std::vector<ValueId> inputs{x, w};
  if (b != no_value) inputs.push_back(b);
  return add_node(Op::layer_norm, name, shape(x), std::move(inputs), NormAttributes{eps});
}

ValueId GraphBuilder::linear(const std::string& name, ValueId x, ValueId w, ValueId bias) {
  const DimShape weight = shape(w).size() == 1 ? DimShape{1, shape(w)[0]} : shape(w);
  const Dim n_out = weight.empty() ? Dim(1) : weight[0];
  DimShape out{shape(x)[0], n_out};
  if (shape(x).size() != 2 || weight.size() != 2)
    return mistake(Op::linear, name, out,
                   fmt::format("x is {} and the weight {}: both must have two dimensions",
                               describe(x), describe(w)));
  if (!(shape(x)[1] == weight[1]))
    return mistake(Op::linear, name, out,
                   fmt::format("x is {} but the weight is {}: their last dimensions must agree",
                               describe(x), describe(w)));
  std::vector<ValueId> inputs{x, w};
  if (bias != no_value) {
    if (!same(shape(bias), {n_out}))
      return mistake(Op::linear, name, out,
                     fmt::format("the weight is {} but the bias is {}: it needs one number per "
                                 "row of the weight",
                                 describe(w), describe(bias)));
    inputs.push_back(bias);
  }
  return add_node(Op::linear, name, out, std::move(inputs));
}

ValueId GraphBuilder::rope(const std::string& name, ValueId x, const RopeAttributes& attributes) {
  const DimShape out = shape(x);
  const auto n_rotated = static_cast<int64_t>(2 * attributes.frequencies->frequencies.size());
  if (out.size() != 3 || n_rotated > out[2].n)
    return mistake(Op::rope, name, out,
                   fmt::format("x is {}: it must be (T, heads, width) with at least the {} "
                               "elements that are rotated",
                               describe(x), n_rotated));
  return add_node(Op::rope, name, out, {x, rope_table(attributes)}, attributes);
}

ValueId GraphBuilder::rope_table(const RopeAttributes& attributes) {
  int n_tables = 0;
  for (const Node& node : graph_.nodes) {
    if (node.op != Op::rope_table) continue;
    if (node.as<RopeAttributes>().frequencies == attributes.frequencies) return node.outputs[0];
    ++n_tables;
  }
  const auto width = static_cast<int64_t>(2 * attributes.frequencies->frequencies.size());
  return add_node(Op::rope_table, n_tables == 0 ? "rope" : fmt::format("rope.{}", n_tables),
                  {dim_T, width}, {graph_.inputs.positions}, attributes);
}

ValueId GraphBuilder::attention(const std::string& name, ValueId q, ValueId k, ValueId v,
                                AttentionAttributes attributes, ValueId sinks) {
  const DimShape queries = shape(q), keys = shape(k), values = shape(v);
  DimShape out = queries;
  if (queries.size() != 3 || keys.size() != 3 || values.size() != 3 || !(keys[1] == values[1]))
    return mistake(
        Op::attention, name, out,
        fmt::format("q is {}, k is {} and v is {}: q must be (T, H, E), k (T, G, E), v (T, G, Ev)",
                    describe(q), describe(k), describe(v)));
  out[2] = values[2];
  if (keys[1].n <= 0 || queries[1].n % keys[1].n != 0 || !(queries[2] == keys[2]))
    return mistake(
        Op::attention, name, out,
        fmt::format("q is {} but k is {}: the {} query heads must be a multiple of the {} "
                    "key/value heads, of the same width",
                    describe(q), describe(k), queries[1].n, keys[1].n));
  std::vector<ValueId> inputs{q, k, v};
  if (sinks != no_value) {
    if (!same(shape(sinks), {queries[1]}))
      return mistake(Op::attention, name, out,
                     fmt::format("the sinks are {}: they need one number for each of the {} query "
                                 "heads",
                                 describe(sinks), queries[1].n));
    inputs.push_back(sinks);
  }
  const auto layer = static_cast<size_t>(attributes.layer);
  if (graph_.kv_layers.size() <= layer) graph_.kv_layers.resize(layer + 1);
  graph_.kv_layers[layer] = {keys[1].n, keys[2].n, values[2].n};
  const ValueId id = add_node(Op::attention, name, out, std::move(inputs), attributes);
  if (purpose_ == Purpose::training)  // the backward pass makes the probabilities from it again
    graph_.nodes.back().outputs.push_back(
        add_value(name + ".logsumexp", {dim_T, queries[1]}, Role::activation));
  return id;
}

ValueId GraphBuilder::add(const std::string& name, ValueId x, ValueId y) {
  if (!same(shape(x), shape(y)))
    return mistake(Op::add, name, shape(x),
                   fmt::format("{} and {} differ in shape", describe(x), describe(y)));
  return add_node(Op::add, name, shape(x), {x, y});
}

ValueId GraphBuilder::activation(const std::string& name, ValueId x, Activation kind) {
  return add_node(Op::activation, name, shape(x), {x}, ActivationAttributes{kind});
}

ValueId GraphBuilder::gated(const std::string& name, ValueId gate, ValueId up, Activation kind) {
  if (!same(shape(gate), shape(up)))
    return mistake(Op::gated, name, shape(gate),
                   fmt::format("gate {} and up {} differ in shape", describe(gate), describe(up)));
  return add_node(Op::gated, name, shape(gate), {gate, up}, ActivationAttributes{kind});
}

ValueId GraphBuilder::scale(const std::string& name, ValueId x, float factor) {
  return add_node(Op::scale, name, shape(x), {x}, ScaleAttributes{factor});
}

ValueId GraphBuilder::softcap(const std::string& name, ValueId x, float factor) {
  return add_node(Op::softcap, name, shape(x), {x}, ScaleAttributes{factor});
}

ValueId GraphBuilder::view(const std::string& name, ValueId x, DimShape out) {
  if (out.empty() || !(out[0] == shape(x)[0]) || row_length(out) != row_length(shape(x)))
    return mistake(Op::view, name, out,
                   fmt::format("{} cannot be seen as {}: the rows differ", describe(x), text(out)));
  const ValueId id = add_node(Op::view, name, std::move(out), {x});
  graph_.values[static_cast<size_t>(id)].alias_of = x;
  return id;
}

ValueId GraphBuilder::columns(const std::string& name, ValueId x, int64_t begin, int64_t n) {
  DimShape out{shape(x)[0], n};
  if (shape(x).size() != 2 || begin < 0 || n <= 0 || begin + n > shape(x)[1].n)
    return mistake(Op::columns, name, out,
                   fmt::format("{} has no {} columns from {} on", describe(x), n, begin));
  const ValueId id = add_node(Op::columns, name, std::move(out), {x}, ColumnsAttributes{begin});
  graph_.values[static_cast<size_t>(id)].alias_of = x;
  graph_.values[static_cast<size_t>(id)].alias_column = begin;
  return id;
}

ValueId GraphBuilder::token_types() {
  if (graph_.inputs.token_types == no_value)
    graph_.inputs.token_types = add_value("token_types", {dim_T}, Role::input);
  return graph_.inputs.token_types;
}

ValueId GraphBuilder::select_outputs(const std::string& name, ValueId x) {
  if (purpose_ == Purpose::training) return x;
  if (graph_.inputs.rows == no_value) graph_.inputs.rows = add_value("rows", {dim_R}, Role::input);
  DimShape out = shape(x);
  out[0] = dim_R;
  return add_node(Op::select_rows, name, out, {x, graph_.inputs.rows});
}

Result<Graph> GraphBuilder::finish() {
  if (graph_.logits != no_value && purpose_ == Purpose::training) {
    const ValueId logits = graph_.logits;
    graph_.inputs.targets = add_value("targets", {dim_T}, Role::input);
    if (shape(logits).size() != 2)
      (void)mistake(Op::cross_entropy, "loss", {dim_T},
                    fmt::format("the logits {} must be (T, V)", describe(logits)));
    else
      graph_.loss = add_node(Op::cross_entropy, "loss", {dim_T}, {logits, graph_.inputs.targets});
  }
  if (!first_mistake_.empty()) return fail(Fault::bad_format, "{}", first_mistake_);
  if (graph_.logits != no_value && purpose_ == Purpose::inference)
    graph_.outputs.push_back(graph_.logits);
  if (graph_.logits == no_value && graph_.hidden != no_value)
    graph_.outputs.push_back(graph_.hidden);
  if (graph_.loss != no_value) graph_.outputs.push_back(graph_.loss);
  return std::move(graph_);
}

}  // namespace quire
