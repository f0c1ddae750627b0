#include "graph/graph.h"

#include <fmt/format.h>

namespace quire {

const char* op_name(Op op) {
  static constexpr const char* names[] = {
#define OP(name) #name,
#include "graph/ops.inc"
#undef OP
  };
  return names[static_cast<int>(op)];
}

const char* activation_name(Activation activation) {
  static constexpr const char* names[] = {"silu",         "gelu_tanh", "gelu_erf", "relu",
                                          "relu_squared", "sigmoid",   "tanh",     "gelu_quick"};
  return names[static_cast<int>(activation)];
}

std::string text(const DimShape& shape) {
  std::string out = "(";
  for (const Dim& dim : shape) {
    if (out.size() > 1) out += ", ";
    out += dim.symbol == dim_T ? "T" : dim.symbol == dim_R ? "R" : fmt::format("{}", dim.n);
  }
  return out + ")";
}

int64_t Binding::n_elements(const DimShape& shape) const {
  int64_t product = 1;
  for (const Dim& dim : shape) product *= (*this)(dim);
  return product;
}

ValueId Graph::root(ValueId id) const {
  while (value(id).alias_of != no_value) id = value(id).alias_of;
  return id;
}

int64_t Graph::root_column(ValueId id) const {
  int64_t column = 0;
  for (; value(id).alias_of != no_value; id = value(id).alias_of) column += value(id).alias_column;
  return column;
}

int64_t Graph::row_length(ValueId id) const {
  int64_t product = 1;
  const DimShape& shape = value(id).shape;
  for (size_t i = 1; i < shape.size(); ++i) product *= shape[i].n;
  return product;
}

ValueId Graph::find(std::string_view name) const {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].name == name) return static_cast<ValueId>(i);
  return no_value;
}

std::vector<ValueId> Graph::all(Role role) const {
  std::vector<ValueId> found;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].role == role) found.push_back(static_cast<ValueId>(i));
  return found;
}

namespace {

struct AttributeText {
  std::string operator()(const NoAttributes&) const { return ""; }
  std::string operator()(const NormAttributes& a) const { return fmt::format("eps={}", a.eps); }
  std::string operator()(const RopeAttributes& a) const {
    return fmt::format("{}, {} of each head, magnitude={}",
                       a.pairs == RopePairs::neighbours ? "neighbours" : "halves",
                       2 * a.frequencies->frequencies.size(), a.frequencies->magnitude);
  }
  std::string operator()(const AttentionAttributes& a) const {
    std::string out = fmt::format("scale={}", a.scale);
    if (a.window > 0) out += fmt::format(", window={}", a.window);
    if (a.softcap > 0) out += fmt::format(", softcap={}", a.softcap);
    return out;
  }
  std::string operator()(const ActivationAttributes& a) const {
    return activation_name(a.activation);
  }
  std::string operator()(const ColumnsAttributes& a) const {
    return fmt::format("begin={}", a.begin);
  }
  std::string operator()(const ScaleAttributes& a) const {
    return fmt::format("factor={}", a.factor);
  }
  std::string operator()(const RouteAttributes& a) const {
    std::string out = a.scores == RouteScores::softmax ? "softmax" : "sigmoid";
    if (a.n_groups > 1) out += fmt::format(", {} of {} groups", a.n_groups_used, a.n_groups);
    if (a.normalize) out += ", normalize";
    return out + fmt::format(", scale={}", a.scale);
  }
  std::string operator()(const StateAttributes& a) const {
    return fmt::format("state={}", a.index);
  }
  std::string operator()(const AdapterAttributes& a) const {
    std::string out;
    for (const AdapterPart& part : a.parts)
      out += fmt::format("{}adapter {}: {} by {}", out.empty() ? "" : ", ", part.adapter, part.n,
                         part.factor);
    return out;
  }
  std::string operator()(const ClampAttributes& a) const {
    return fmt::format("{} to {}, offset={}", a.low, a.high, a.offset);
  }
};

}  // namespace

std::string print(const Graph& graph) {
  std::string out;
  for (const Node& node : graph.nodes) {
    std::string left, right;
    for (ValueId id : node.outputs)
      left += fmt::format("{}{} {}", left.empty() ? "" : ", ", graph.value(id).name,
                          text(graph.value(id).shape));
    for (ValueId id : node.inputs)
      right += fmt::format("{}{}", right.empty() ? "" : ", ", graph.value(id).name);
    const std::string attributes = std::visit(AttributeText{}, node.attributes);
    out += fmt::format("{} {} {}({}{}{})\n", left, node.accumulate ? "+=" : "=", op_name(node.op),
                       right, attributes.empty() ? "" : "; ", attributes);
  }
  return out;
}

}  // namespace quire
