#include "graph/cost.h"

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

struct Walk {
  const Graph& graph;
  const Node& node;
  const Binding& binding;
  const CostOptions& options;

  const Value& in(size_t i) const { return graph.value(node.inputs[i]); }
  const Value& out(size_t i = 0) const { return graph.value(node.outputs[i]); }
  double size(const Value& value) const {
    return static_cast<double>(binding.n_elements(value.shape));
  }

  // 2 multiply-adds for each element of the product and each of the sum.
  double product(const Value& rows, const Value& weight) const {
    return 2.0 * static_cast<double>(binding(rows.shape[0])) * size(weight);
  }

  // Experts that the rows use if they choose evenly, as a part of all.
  double experts_read() const {
    const DimShape& chosen = in(1).shape;
    const double all = static_cast<double>(in(2).shape[0].n);
    const double skipped = 1.0 - static_cast<double>(chosen[1].n) / all;
    return 1.0 - std::pow(skipped, static_cast<double>(binding(chosen[0])));
  }

  // Pairs of query and visible key: rows of each sequence see the past and themselves up to their
  // own place.
  double visible_pairs() const {
    const double rows =
        static_cast<double>(binding.n_rows) / static_cast<double>(options.n_sequences);
    const auto past = static_cast<double>(binding.n_past);
    const auto& attributes = node.as<AttentionAttributes>();
    const bool causal = attributes.mask == AttentionMask::causal;
    double pairs = rows * past + (causal ? rows * (rows + 1) / 2 : rows * rows);
    if (attributes.window > 0)
      pairs = std::min(pairs, rows * (causal ? attributes.window : 2.0 * attributes.window - 1));
    return pairs * static_cast<double>(options.n_sequences);
  }
  double head_elements() const {  // H * (E + Ev): a pair costs a product with a key and a value
    const size_t q = node.op == Op::attention_backward ? 1 : 0;
    const DimShape &queries = in(q).shape, &values = in(q + 2).shape;
    return static_cast<double>(queries[1].n * (queries[2].n + values[2].n));
  }

  double flops() const {
    switch (node.op) {
      case Op::linear:
        return product(in(0), in(1));
      case Op::linear_group: {
        double sum = 0;
        for (size_t i = 0; i < node.outputs.size(); ++i) sum += product(in(0), in(1 + i));
        return sum;
      }
      case Op::linear_gated:
        return product(in(0), in(1)) + product(in(0), in(2)) + 8 * size(out());
      case Op::linear_backward_x:
        return product(in(0), in(1));
      case Op::linear_backward_w:
        return product(in(0), out());
      case Op::expert_linear: {
        double sum = 0;
        for (size_t i = 0; i < node.outputs.size(); ++i)
          sum += 2 * size(out(i)) * static_cast<double>(in(2 + i).shape[2].n);
        return sum;
      }
      case Op::head_linear:
        return 2 * size(out()) * static_cast<double>(in(1).shape[2].n);
      case Op::expert_sum:
        return 2 * size(in(0));
      case Op::steer:
        return 2 * size(in(0)) * static_cast<double>(in(1).shape[0].n);
      case Op::causal_conv:
        return 2 * size(out()) * static_cast<double>(in(1).shape[1].n);
      case Op::ssm_scan:
        return 6 * size(out()) * static_cast<double>(in(2).shape[2].n);
      case Op::route:
        return 10 * size(in(0));
      case Op::attention:
        return 2 * visible_pairs() * head_elements();
      case Op::attention_backward:
        return 5 * visible_pairs() * head_elements();
      case Op::rms_norm:
      case Op::add_rms_norm:
        return 4 * size(out());
      case Op::layer_norm:
        return 7 * size(out());
      case Op::rms_norm_backward:
      case Op::layer_norm_backward:
        return 10 * size(out());
      case Op::rms_norm_backward_w:
      case Op::layer_norm_backward_w:
        return 3 * size(in(0));
      case Op::rope:
      case Op::rope_backward:
        return 3 * size(out());
      case Op::rope_table:
        return 20 * size(out());
      case Op::gated:
      case Op::activation:
        return 8 * size(out());
      case Op::gated_backward:
      case Op::activation_backward:
        return 16 * size(out());
      case Op::cross_entropy:
        return 8 * size(in(0));
      case Op::cross_entropy_backward:
        return 12 * size(in(0));
      case Op::add:
      case Op::scale:
      case Op::adapter_scale:
      case Op::clamp:
      case Op::slice:
      case Op::join:
      case Op::add_backward:
      case Op::scale_backward:
        return size(out());
      case Op::softcap:
      case Op::softcap_backward:
        return 10 * size(out());
      case Op::linear_backward_bias:
      case Op::embed_backward:
        return size(in(0));
      case Op::embed:
      case Op::select_rows:
      case Op::view:
      case Op::columns:
        return 0;
    }
    return 0;
  }

  void add_value_bytes(Cost& cost, ValueId id) const {
    const Value& value = graph.value(id);
    const double n = size(value);
    if (value.role == Role::parameter) {
      const DType dtype = options.dtype ? options.dtype(id) : DType::f32;
      // An embedding reads the rows it picks, not the table.
      const double read = node.op == Op::embed           ? size(out())
                          : node.op == Op::expert_linear ? n * experts_read()
                                                         : n;
      cost.weight_bytes += read * info(dtype).bits_per_element() / 8;
    } else {
      cost.activation_bytes += 4 * n;
    }
  }

  Cost cost() const {
    Cost cost;
    if (node.op == Op::view || node.op == Op::columns) return cost;
    cost.flops = flops();
    for (ValueId id : node.inputs) add_value_bytes(cost, id);
    for (ValueId id : node.outputs) add_value_bytes(cost, id);
    if (node.op == Op::causal_conv || node.op == Op::ssm_scan) {  // a state is read and written
      const auto index = static_cast<size_t>(node.as<StateAttributes>().index);
      cost.kv_bytes = 8 * static_cast<double>(options.n_sequences * graph.state_sizes[index]);
    }
    if (node.op == Op::attention) {
      const DimShape &k = in(1).shape, &v = in(2).shape;
      const double positions =
          static_cast<double>(options.n_sequences * binding.n_past + binding.n_rows);
      cost.kv_bytes = positions * static_cast<double>(k[1].n * (k[2].n + v[2].n)) *
                      info(options.kv_dtype).bits_per_element() / 8;
    }
    return cost;
  }
};

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  flops += other.flops;
  weight_bytes += other.weight_bytes;
  activation_bytes += other.activation_bytes;
  kv_bytes += other.kv_bytes;
  return *this;
}

Cost node_cost(const Graph& graph, const Node& node, const Binding& binding,
               const CostOptions& options) {
  return Walk{graph, node, binding, options}.cost();
}

Cost graph_cost(const Graph& graph, const Binding& binding, const CostOptions& options) {
  Cost total;
  for (const Node& node : graph.nodes) total += node_cost(graph, node, binding, options);
  return total;
}

}  // namespace quire
