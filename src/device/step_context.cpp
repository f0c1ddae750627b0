// Where the values of a graph lie while a batch runs: views of the arena, of the weights and of the
// batch.
#include "device/step.h"

namespace quire {

float* StepContext::data(ValueId id) const {
  const ValueId root = graph.root(id);
  if (graph.value(root).role == Role::gradient) return gradients[static_cast<size_t>(root)];
  return reinterpret_cast<float*>(arena + offsets[static_cast<size_t>(root)]) +
         graph.root_column(id);
}

Rows<float> StepContext::rows(ValueId id) const {
  return {data(id), binding(graph.value(id).shape[0]), graph.row_length(id),
          graph.row_length(graph.root(id))};
}

Heads<float> StepContext::heads(ValueId id) const {
  const DimShape& shape = graph.value(id).shape;
  return {data(id), binding(shape[0]), shape[1].n, shape[2].n, graph.row_length(graph.root(id))};
}

View<const float, 1> StepContext::vector(ValueId param) const {
  const TensorView& tensor = params[static_cast<size_t>(param)];
  return View<const float, 1>(tensor.f32(), tensor.shape.n_elements());
}

View<float, 1> StepContext::statistic(ValueId id) const {
  return View<float, 1>(data(id), binding(graph.value(id).shape[0]));
}

View<float, 1> StepContext::gradient_vector(ValueId id) const {
  return View<float, 1>(data(id), graph.value(id).shape[0].n);
}

View<const int32_t, 1> StepContext::ids(ValueId input) const {
  const GraphInputs& inputs = graph.inputs;
  const std::span<const int32_t> span = input == inputs.tokens      ? batch->tokens
                                        : input == inputs.positions ? batch->positions
                                        : input == inputs.rows      ? batch->output_rows
                                        : input == inputs.targets   ? batch->targets
                                                                    : batch->token_types;
  return View<const int32_t, 1>(span.data(), span.size());
}

QuantizedRows StepContext::quantized_rows(ValueId x, DType weights) const {
  const RowFormat format = row_format(weights, precision);
  if (format == RowFormat::f32) return {};
  const Rows<float> from = rows(x);
  return {format, from.n, from.width, quantized[static_cast<size_t>(format)]};
}

QuantizedRows StepContext::quantized_head(ValueId x, int64_t head, RowFormat format) const {
  const Heads<float> from = heads(x);
  return {format, from.n, from.width,
          quantized[static_cast<size_t>(format)] +
              head * quantized_rows_bytes(format, from.n, from.width)};
}

ExpertRows StepContext::expert_rows(ValueId x, int64_t width, RowFormat format) const {
  CHECK(graph.row_length(x) % width == 0);
  return {groups, format, width, quantized[static_cast<size_t>(format)]};
}

}  // namespace quire
