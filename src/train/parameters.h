// The numbers that training changes: weights, gradients and the two moments of AdamW, each one flat
// array in which every parameter has its place, 64-byte aligned, with zeros between.
#pragma once
#include "graph/graph.h"
#include "tensor/tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quire {

struct ParameterSlot {
  std::string name;
  Shape shape;
  int64_t offset = 0;  // floats, in each of the arrays
  int64_t n = 0;
};

class ParameterSet {
 public:
  // One slot for each of graph.all(Role::parameter), in that order. Everything is zero.
  explicit ParameterSet(const Graph& graph);

  const std::vector<ParameterSlot>& slots() const { return slots_; }
  int64_t n_parameters() const { return n_parameters_; }
  int64_t n_floats() const { return weights_.shape().n_elements(); }  // of an array

  float* weights() const { return weights_.f32(); }
  float* gradients() const { return gradients_.f32(); }
  float* m() const { return m_.f32(); }
  float* v() const { return v_.f32(); }

  // The slot's part of one of the arrays above.
  static TensorView view(const ParameterSlot& slot, const float* array) {
    return {DType::f32, slot.shape, reinterpret_cast<const std::byte*>(array + slot.offset)};
  }
  std::vector<TensorView> weight_views() const;
  // For Executor::set_gradients: one for each of graph.all(Role::gradient), in that order.
  std::vector<float*> gradient_pointers(const Graph& graph) const;

 private:
  std::vector<ParameterSlot> slots_;
  int64_t n_parameters_ = 0;
  Tensor weights_, gradients_, m_, v_;
};

}  // namespace quire
