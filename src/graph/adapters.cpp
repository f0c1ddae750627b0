#include "graph/adapters.h"

#include "base/check.h"

#include <algorithm>

namespace quire {
namespace {

constexpr const char* head_name = "output.weight";
constexpr const char* embedding_name = "token_embd.weight";

// Where a node of a kind that can be adapted has its weight; -1: no such node.
int weight_input(const Node& node) {
  switch (node.op) {
    case Op::embed:
      return 0;
    case Op::linear:
    case Op::head_linear:
      return 1;
    case Op::expert_linear:
      return 2;
    default:
      return -1;
  }
}

AdapterTarget::Kind kind_of(Op op) {
  switch (op) {
    case Op::embed:
      return AdapterTarget::Kind::table;
    case Op::expert_linear:
    case Op::head_linear:
      return AdapterTarget::Kind::stack;
    default:
      return AdapterTarget::Kind::matrix;
  }
}

// The parameter of that name and the kind of its use that is meant.
struct Use {
  ValueId parameter = no_value;
  bool of_table = false;
};
Use use_of(const Graph& graph, const std::string& name) {
  if (const ValueId found = graph.find(name); found != no_value)
    return {found, name == embedding_name};
  if (name == head_name) return {graph.find(embedding_name), false};
  return {};
}

// The nodes that read the parameter in the way that is meant.
std::vector<size_t> nodes_of(const Graph& graph, const Use& use) {
  std::vector<size_t> found;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const int at = weight_input(node);
    if (at < 0 || node.inputs[static_cast<size_t>(at)] != use.parameter) continue;
    if ((node.op == Op::embed) == use.of_table) found.push_back(i);
  }
  return found;
}

int64_t sum_of_columns(const std::vector<AdapterPart>& parts) {
  int64_t n = 0;
  for (const AdapterPart& part : parts) n += part.n;
  return n;
}

ValueId add_value(Graph& graph, std::string name, DimShape shape, Role role) {
  graph.values.push_back({std::move(name), std::move(shape), role});
  return static_cast<ValueId>(graph.values.size() - 1);
}

// (n_rows, n_columns), as many as the target has matrices.
DimShape matrix_shape(const AdapterTarget& target, int64_t n_rows, int64_t n_columns) {
  DimShape shape;
  shape.reserve(3);
  if (target.kind == AdapterTarget::Kind::stack) shape.emplace_back(target.n_matrices);
  shape.emplace_back(n_rows);
  shape.emplace_back(n_columns);
  return shape;
}

// What the node reads, with another weight and without a bias.
std::vector<ValueId> down_inputs(const Node& node, ValueId weight) {
  switch (node.op) {
    case Op::embed:
      return {weight, node.inputs[1]};
    case Op::expert_linear:
      return {node.inputs[0], node.inputs[1], weight};
    default:
      return {node.inputs[0], weight};
  }
}

// Gives the node a new output with the old one's shape, so that what is put behind it can take the
// name, and with it every use, of the old one.
ValueId move_output(Graph& graph, size_t node, const char* suffix) {
  const ValueId old = graph.nodes[node].outputs[0];
  DimShape shape = graph.value(old).shape;
  const ValueId base =
      add_value(graph, graph.value(old).name + suffix, std::move(shape), Role::activation);
  graph.nodes[node].outputs[0] = base;
  return base;
}

}  // namespace

Result<AdapterTarget> find_adapter_target(const Graph& graph, const std::string& name) {
  const Use use = use_of(graph, name);
  if (use.parameter == no_value || graph.value(use.parameter).role != Role::parameter)
    return fail(Fault::not_found, "the model has no tensor '{}'", name);
  const std::vector<size_t> nodes = nodes_of(graph, use);
  if (nodes.empty())
    return fail(Fault::unsupported,
                "tensor '{}' is no matrix that rows are multiplied with, nor the embedding; only "
                "those can be adapted",
                name);
  const DimShape& shape = graph.value(use.parameter).shape;
  AdapterTarget target;
  target.kind = kind_of(graph.nodes[nodes[0]].op);
  target.parameter = use.parameter;
  target.n_in = shape.back().n;
  target.n_out = shape.size() == 1 ? 1 : shape[shape.size() - 2].n;
  if (target.kind == AdapterTarget::Kind::table) std::swap(target.n_in, target.n_out);
  if (target.kind == AdapterTarget::Kind::stack) target.n_matrices = shape[0].n;
  return target;
}

void add_low_rank(Graph& graph, const LowRankEdit& edit) {
  const auto target = find_adapter_target(graph, edit.target);
  CHECK(target.has_value());
  const int64_t rank = sum_of_columns(edit.parts);
  const bool is_table = target->kind == AdapterTarget::Kind::table;
  const ValueId weight_a = add_value(graph, edit.target + ".lora_a",
                                     is_table ? matrix_shape(*target, target->n_in, rank)
                                              : matrix_shape(*target, rank, target->n_in),
                                     Role::parameter);
  const ValueId weight_b = add_value(graph, edit.target + ".lora_b",
                                     matrix_shape(*target, target->n_out, rank), Role::parameter);

  const std::vector<size_t> nodes = nodes_of(graph, use_of(graph, edit.target));
  for (size_t i = nodes.size(); i-- > 0;) {  // from behind: what is inserted moves what follows
    const size_t at = nodes[i];
    const ValueId out = graph.nodes[at].outputs[0];
    const std::string name = graph.value(out).name;
    const ValueId base = move_output(graph, at, ".base");
    const Node node = graph.nodes[at];
    DimShape narrow = graph.value(out).shape;
    narrow.pop_back();
    narrow.emplace_back(rank);
    const ValueId down = add_value(graph, name + ".lora_down", narrow, Role::activation);
    const ValueId scaled = add_value(graph, name + ".lora_scaled", narrow, Role::activation);
    const ValueId up =
        add_value(graph, name + ".lora_up", graph.value(out).shape, Role::activation);

    const bool of_experts = node.op == Op::expert_linear;
    std::vector<ValueId> up_inputs{scaled, weight_b};
    if (of_experts) up_inputs.insert(up_inputs.begin() + 1, node.inputs[1]);
    const Op up_op = node.op == Op::embed ? Op::linear : node.op;

    const Node added[] = {
        {node.op, down_inputs(node, weight_a), {down}, {}, false},
        {Op::adapter_scale, {down}, {scaled}, AdapterAttributes{edit.parts}, false},
        {up_op, up_inputs, {up}, {}, false},
        {Op::add, {base, up}, {out}, {}, false}};
    graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::begin(added),
                       std::end(added));
  }
}

void add_steering(Graph& graph, const SteerEdit& edit) {
  const ValueId out = graph.find(edit.value);
  CHECK(out != no_value && graph.value(out).shape.size() == 2);
  const auto makes = [&](const Node& node) { return node.outputs[0] == out; };
  const auto found = std::ranges::find_if(graph.nodes, makes);
  CHECK(found != graph.nodes.end());
  const auto at = static_cast<size_t>(found - graph.nodes.begin());
  const ValueId base = move_output(graph, at, ".base");
  const ValueId directions = add_value(
      graph, edit.value + ".directions",
      {static_cast<int64_t>(edit.parts.size()), graph.value(out).shape[1]}, Role::parameter);
  const Node steer{Op::steer, {base, directions}, {out}, AdapterAttributes{edit.parts}, false};
  graph.nodes.insert(graph.nodes.begin() + static_cast<std::ptrdiff_t>(at) + 1, steer);
}

int32_t n_adapters(const Graph& graph) {
  int32_t n = 0;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::adapter_scale && node.op != Op::steer) continue;
    for (const AdapterPart& part : node.as<AdapterAttributes>().parts)
      n = std::max(n, part.adapter + 1);
  }
  return n;
}

}  // namespace quire
