#include "device/adapter_rows.h"

#include "kernels/elementwise.h"

namespace quire {
namespace {

// The strengths of a row of `value`, which has all rows of the batch or those that are wanted.
std::span<const float> strengths_of(const StepContext& c, ValueId value, int64_t row) {
  const Batch& batch = *c.batch;
  const size_t n = batch.strengths.size() / batch.tokens.size();
  auto at = static_cast<size_t>(row);
  if (c.graph.value(value).shape[0] == dim_R) at = static_cast<size_t>(batch.output_rows[at]);
  return batch.strengths.subspan(at * n, n);
}

}  // namespace

void run_adapter_scale(const StepContext& c, const Node& node, int64_t begin, int64_t end) {
  const std::vector<AdapterPart>& parts = node.as<AdapterAttributes>().parts;
  for (int64_t r = begin; r < end; ++r) {
    const std::span<const float> strengths = strengths_of(c, node.outputs[0], r);
    const Rows<float> x = c.rows(node.inputs[0], r, r + 1), y = c.rows(node.outputs[0], r, r + 1);
    for (int64_t at = 0; at < y.width;)  // once, or once for each expert of the row
      for (const AdapterPart& part : parts) {
        scale(y.columns(at, at + part.n), x.columns(at, at + part.n),
              part.factor * strengths[static_cast<size_t>(part.adapter)]);
        at += part.n;
      }
  }
}

void run_steer(const StepContext& c, const Node& node, int64_t begin, int64_t end) {
  const std::vector<AdapterPart>& parts = node.as<AdapterAttributes>().parts;
  const float* directions = c.params[static_cast<size_t>(node.inputs[1])].f32();
  for (int64_t r = begin; r < end; ++r) {
    const std::span<const float> strengths = strengths_of(c, node.outputs[0], r);
    const Rows<float> x = c.rows(node.inputs[0], r, r + 1), y = c.rows(node.outputs[0], r, r + 1);
    if (y.data != x.data) copy(y, x);
    for (size_t i = 0; i < parts.size(); ++i) {
      const float by = parts[i].factor * strengths[static_cast<size_t>(parts[i].adapter)];
      if (by == 0) continue;
      add_scaled(y, Rows<const float>(directions + static_cast<int64_t>(i) * y.width, 1, y.width),
                 by);
    }
  }
}

}  // namespace quire
