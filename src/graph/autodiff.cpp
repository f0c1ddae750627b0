#include "graph/autodiff.h"

#include <utility>

namespace quire {
namespace {

// State of one differentiation. gradient_[v] is the value that holds dLoss/dv so far.
class Differentiator {
 public:
  explicit Differentiator(Graph graph) : graph_(std::move(graph)) {}

  Result<Graph> run(const std::function<bool(std::string_view)>& wanted) {
    if (graph_.loss == no_value)
      return fail(Fault::unsupported,
                  "differentiate: the graph has no loss; build it for training");
    mark_needed(wanted);
    const size_t n_forward = graph_.nodes.size();
    for (size_t i = n_forward; i-- > 0;) {
      const Node node = graph_.nodes[i];  // a copy: adding nodes moves the originals
      if (!needs_gradient(node)) continue;
      if (node.op == Op::cross_entropy) {
        start_from_loss(i);
        continue;
      }
      // An output nobody used has no gradient; nothing flows back through it.
      if (gradient(node.outputs[0]) == no_value) continue;
      TRY(backward(node));
    }
    return std::move(graph_);
  }

 private:
  // Which values lie between a wanted parameter and the loss; makes the parameters' gradients.
  void mark_needed(const std::function<bool(std::string_view)>& wanted) {
    const std::vector<ValueId> params = graph_.all(Role::parameter);
    needed_.assign(graph_.values.size(), 0);
    for (ValueId p : params) {
      const Value param = graph_.value(p);
      if (wanted && !wanted(param.name)) continue;
      needed_[index(p)] = 1;
      const ValueId g = new_value("grad:" + param.name, param.shape, Role::gradient);
      graph_.values[index(g)].gradient_of = p;
      gradient_[index(p)] = g;
    }
    for (const Node& node : graph_.nodes)
      for (ValueId in : node.inputs)
        if (needed(in))
          for (ValueId out : node.outputs) needed_[index(out)] = 1;
  }

  static size_t index(ValueId id) { return static_cast<size_t>(id); }
  bool needed(ValueId id) const { return index(id) < needed_.size() && needed_[index(id)] != 0; }
  bool needs_gradient(const Node& node) const { return needed(node.outputs[0]); }
  ValueId gradient(ValueId id) const {
    return index(id) < gradient_.size() ? gradient_[index(id)] : no_value;
  }

  ValueId new_value(const std::string& name, const DimShape& shape, Role role) {
    graph_.values.push_back({name, shape, role});
    gradient_.resize(graph_.values.size(), no_value);
    return static_cast<ValueId>(graph_.values.size() - 1);
  }

  void emit(Op op, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
            const Attributes& attributes = {}, bool accumulate = false) {
    graph_.nodes.push_back({op, std::move(inputs), std::move(outputs), attributes, accumulate});
  }

  std::string gradient_name(ValueId of) const {
    return "d:" + graph_.value(of).name + (n_extra_ == 0 ? "" : "." + std::to_string(n_extra_));
  }

  // A backward node with the one result dx: written when x has no gradient yet, added otherwise.
  void emit_into(Op op, ValueId x, std::vector<ValueId> inputs, const Attributes& attributes = {},
                 std::vector<ValueId> more_outputs = {}) {
    const bool accumulate = gradient(x) != no_value;
    const ValueId dx = accumulate ? gradient(x) : first_gradient(x);
    more_outputs.insert(more_outputs.begin(), dx);
    emit(op, std::move(inputs), std::move(more_outputs), attributes, accumulate);
  }

  // Columns of a value get the same columns of its gradient, so nothing is gathered afterwards.
  ValueId first_gradient(ValueId x) {
    const Value of = graph_.value(x);
    ValueId whole = no_value;
    if (const ValueId node = columns_node(x); node != no_value) {
      whole = gradient(node) == no_value ? first_gradient(node) : gradient(node);
    }
    const ValueId dx = new_value("d:" + of.name, of.shape, Role::activation);
    if (whole != no_value) {
      graph_.values[index(dx)].alias_of = whole;
      graph_.values[index(dx)].alias_column = of.alias_column;
    }
    return gradient_[index(x)] = dx;
  }
  // The value that x is columns of, or no_value.
  ValueId columns_node(ValueId x) const {
    for (const Node& node : graph_.nodes)
      if (node.op == Op::columns && node.outputs[0] == x) return node.inputs[0];
    return no_value;
  }

  // For nodes with several results: where the gradient of x is written, and what to do about it
  // after.
  ValueId fresh_gradient(ValueId x) {
    if (gradient(x) == no_value) return first_gradient(x);
    ++n_extra_;
    const ValueId extra = new_value(gradient_name(x), graph_.value(x).shape, Role::activation);
    pending_.push_back({x, extra});
    return extra;
  }
  void add_pending() {
    for (auto [x, extra] : pending_) emit(Op::add_backward, {extra}, {gradient(x)}, {}, true);
    pending_.clear();
  }

  // The last forward node: its backward form computes the loss too, in one pass over the logits.
  void start_from_loss(size_t i) {
    Node node = graph_.nodes[i];
    const ValueId logits = node.inputs[0];
    const ValueId loss = node.outputs[0];
    graph_.nodes.erase(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(i));
    const ValueId dlogits = first_gradient(logits);
    emit(Op::cross_entropy_backward, node.inputs, {dlogits, loss});
  }

  Result<void> backward(const Node& node) {
    const ValueId dy = gradient(node.outputs[0]);
    const std::vector<ValueId>& in = node.inputs;
    const bool is_norm = node.op == Op::rms_norm || node.op == Op::layer_norm;
    if (is_norm && graph_.value(in[0]).shape.size() != 2)
      return fail(Fault::unsupported, "{}: norms within heads have no backward rule",
                  graph_.value(node.outputs[0]).name);
    switch (node.op) {
      case Op::embed:
        if (needed(in[0])) emit(Op::embed_backward, {dy, in[1]}, {gradient(in[0])}, {}, true);
        return {};
      case Op::rms_norm: {
        const ValueId r = statistic(node.outputs[0], "rms");
        emit_into(Op::rms_norm_backward, in[0], {dy, in[0], in[1]}, node.attributes, {r});
        if (needed(in[1]))
          emit(Op::rms_norm_backward_w, {dy, in[0], r}, {gradient(in[1])}, {}, true);
        return {};
      }
      case Op::layer_norm: {
        const ValueId mean = statistic(node.outputs[0], "mean");
        const ValueId r = statistic(node.outputs[0], "deviation");
        emit_into(Op::layer_norm_backward, in[0], {dy, in[0], in[1]}, node.attributes, {mean, r});
        std::vector<ValueId> out{gradient(in[1])};
        if (in.size() > 2) out.push_back(gradient(in[2]));
        for (ValueId g : out)
          if (g == no_value)
            return fail(Fault::unsupported,
                        "{}: weight and bias of a layer norm are trained together",
                        graph_.value(node.outputs[0]).name);
        emit(Op::layer_norm_backward_w, {dy, in[0], mean, r}, std::move(out), {}, true);
        return {};
      }
      case Op::linear:
        if (needed(in[1])) emit(Op::linear_backward_w, {dy, in[0]}, {gradient(in[1])}, {}, true);
        if (in.size() > 2 && needed(in[2]))
          emit(Op::linear_backward_bias, {dy}, {gradient(in[2])}, {}, true);
        if (needed(in[0])) emit_into(Op::linear_backward_x, in[0], {dy, in[1]});
        return {};
      case Op::rope:
        emit_into(Op::rope_backward, in[0], {dy, in[1]}, node.attributes);
        return {};
      case Op::attention: {
        const ValueId out = node.outputs[0];
        if (in.size() > 3 && needed(in[3]))
          return fail(Fault::unsupported, "{}: the sinks '{}' of an attention cannot be trained",
                      graph_.value(out).name, graph_.value(in[3]).name);
        const ValueId logsumexp = node.outputs[1];
        const ValueId dq = fresh_gradient(in[0]);
        const ValueId dk = fresh_gradient(in[1]);
        const ValueId dv = fresh_gradient(in[2]);
        emit(Op::attention_backward, {dy, in[0], in[1], in[2], out, logsumexp}, {dq, dk, dv},
             node.attributes);
        add_pending();
        return {};
      }
      case Op::add:
        // The second operand may own dy from here on: nobody else reads it. The first gets a copy,
        // because later contributions are added in place.
        if (needed(in[0])) emit_into(Op::add_backward, in[0], {dy});
        if (needed(in[1])) hand_over(in[1], dy);
        return {};
      case Op::activation:
        emit_into(Op::activation_backward, in[0], {dy, in[0]}, node.attributes);
        return {};
      case Op::gated: {
        const ValueId dgate = fresh_gradient(in[0]);
        const ValueId dup = fresh_gradient(in[1]);
        emit(Op::gated_backward, {dy, in[0], in[1]}, {dgate, dup}, node.attributes);
        add_pending();
        return {};
      }
      case Op::scale:
        emit_into(Op::scale_backward, in[0], {dy}, node.attributes);
        return {};
      case Op::softcap:
        emit_into(Op::softcap_backward, in[0], {dy, node.outputs[0]}, node.attributes);
        return {};
      case Op::view:
        hand_over(in[0], dy);
        return {};
      case Op::columns:  // the gradient was written in place
        return {};
      default:
        return fail(Fault::unsupported, "{}: {} has no backward rule",
                    graph_.value(node.outputs[0]).name, op_name(node.op));
    }
  }

  // dx = dy without a copy (under x's shape) when x has no gradient yet, dx += dy otherwise.
  void hand_over(ValueId x, ValueId dy) {
    if (gradient(x) != no_value) {
      emit(Op::add_backward, {dy}, {gradient(x)}, {}, true);
      return;
    }
    const ValueId dx = first_gradient(x);
    if (graph_.value(dx).alias_of != no_value) {  // it has a place of its own among columns
      emit(Op::add_backward, {dy}, {dx});
      return;
    }
    graph_.values[index(dx)].alias_of = dy;
    emit(Op::view, {dy}, {dx});
  }

  // Per-row numbers that a norm's backward pass hands from its row step to its column step.
  ValueId statistic(ValueId of, const char* what) {
    return new_value(graph_.value(of).name + "." + what, {dim_T}, Role::activation);
  }

  Graph graph_;
  std::vector<char> needed_;       // per value of the forward graph
  std::vector<ValueId> gradient_;  // per value
  std::vector<std::pair<ValueId, ValueId>> pending_;
  int n_extra_ = 0;
};

}  // namespace

Result<Graph> differentiate(Graph graph, const std::function<bool(std::string_view)>& wanted) {
  return Differentiator(std::move(graph)).run(wanted);
}

}  // namespace quire
