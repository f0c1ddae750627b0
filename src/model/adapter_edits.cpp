#include "model/adapter_edits.h"

#include "quant/codec.h"

#include <cstring>
#include <map>

namespace quire {
namespace {

// What one target gets from all adapters.
struct Stack {
  std::vector<AdapterPart> parts;
  std::vector<Tensor> a, b;
};

// Rows of all, those of the first adapter first, within each of the experts.
Tensor one_below_the_other(const std::vector<Tensor>& matrices) {
  Shape shape = matrices[0].shape();
  const int64_t n_experts = shape.rank == 3 ? shape[0] : 1;
  int64_t n_rows = 0;
  for (const Tensor& matrix : matrices) n_rows += matrix.shape().n_rows() / n_experts;
  shape[shape.rank - 2] = n_rows;
  Tensor all(matrices[0].dtype(), shape);
  std::byte* to = all.data();
  for (int64_t x = 0; x < n_experts; ++x)
    for (const Tensor& matrix : matrices) {
      const int64_t n_bytes = matrix.n_bytes() / n_experts;
      std::memcpy(to, matrix.data() + x * n_bytes, static_cast<size_t>(n_bytes));
      to += n_bytes;
    }
  return all;
}

Tensor side_by_side(const std::vector<Tensor>& matrices) {
  Shape shape = matrices[0].shape();
  shape[shape.rank - 1] = 0;
  for (const Tensor& matrix : matrices) shape[shape.rank - 1] += matrix.shape().last();
  Tensor all(matrices[0].dtype(), shape);
  std::byte* to = all.data();
  for (int64_t r = 0; r < shape.n_rows(); ++r)
    for (const Tensor& matrix : matrices) {
      const int64_t n_bytes = row_bytes(matrix.dtype(), matrix.shape().last());
      std::memcpy(to, matrix.view().row(r), static_cast<size_t>(n_bytes));
      to += n_bytes;
    }
  return all;
}

// Products with so few numbers in a row are faster in f32 than in 16 bits, which save little here.
void decode_all(std::vector<Tensor>& matrices) {
  for (Tensor& matrix : matrices) {
    Tensor numbers(DType::f32, matrix.shape());
    codec(matrix.dtype())->decode(matrix.data(), numbers.f32(), matrix.shape().n_elements());
    matrix = numbers;
  }
}

}  // namespace

void AdapterEdits::apply(Graph& graph) const {
  for (const LowRankEdit& edit : low_rank) add_low_rank(graph, edit);
  for (const SteerEdit& edit : steering) add_steering(graph, edit);
}

AdapterEdits adapter_edits(std::span<const Adapter> adapters, const Graph& graph) {
  std::map<std::string, Stack> stacks;
  std::map<int64_t, Stack> directions;  // by layer; the vectors are in `a`
  for (size_t i = 0; i < adapters.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    for (const LowRankPair& pair : adapters[i].pairs) {
      Stack& stack = stacks[pair.target];
      stack.parts.push_back({number, pair.rank(), pair.factor});
      stack.a.push_back(pair.a);
      stack.b.push_back(pair.b);
    }
    for (const Direction& direction : adapters[i].directions) {
      Stack& stack = directions[direction.layer];
      stack.parts.push_back({number, 1, 1});
      stack.a.push_back(direction.vector);
    }
  }
  AdapterEdits edits;
  for (auto& [target, stack] : stacks) {
    decode_all(stack.a);
    decode_all(stack.b);
    const bool is_table = find_adapter_target(graph, target)->kind == AdapterTarget::Kind::table;
    edits.low_rank.push_back({target, stack.parts});
    edits.params.push_back(is_table ? side_by_side(stack.a) : one_below_the_other(stack.a));
    edits.params.push_back(side_by_side(stack.b));
  }
  for (auto& [layer, stack] : directions) {
    edits.steering.push_back({graph.value(layer_output(graph, layer)).name, stack.parts});
    Tensor all(DType::f32, {static_cast<int64_t>(stack.a.size()), stack.a[0].shape().last()});
    for (size_t i = 0; i < stack.a.size(); ++i)
      std::memcpy(all.data() + static_cast<int64_t>(i) * stack.a[i].n_bytes(), stack.a[i].data(),
                  static_cast<size_t>(stack.a[i].n_bytes()));
    edits.params.push_back(all);
  }
  return edits;
}

ValueId layer_output(const Graph& graph, int64_t layer) {
  for (const char* name : {"ffn_residual", "ssm_residual"})
    if (const ValueId id = graph.find("blk." + std::to_string(layer) + "." + name); id != no_value)
      return id;
  return no_value;
}

}  // namespace quire
