#include "train/parameters.h"

namespace quire {
namespace {

constexpr int64_t alignment = 16;  // floats: one cache line

}  // namespace

ParameterSet::ParameterSet(const Graph& graph) {
  int64_t at = 0;
  for (ValueId id : graph.all(Role::parameter)) {
    const Value& value = graph.value(id);
    ParameterSlot slot{value.name, {}, at, 1};
    for (const Dim& dim : value.shape) {
      slot.shape.n[static_cast<size_t>(slot.shape.rank++)] = dim.n;
      slot.n *= dim.n;
    }
    at += (slot.n + alignment - 1) / alignment * alignment;
    n_parameters_ += slot.n;
    slots_.push_back(std::move(slot));
  }
  for (Tensor* array : {&weights_, &gradients_, &m_, &v_}) *array = Tensor(DType::f32, Shape{at});
}

std::vector<TensorView> ParameterSet::weight_views() const {
  std::vector<TensorView> views;
  views.reserve(slots_.size());
  for (const ParameterSlot& slot : slots_) views.push_back(view(slot, weights()));
  return views;
}

std::vector<float*> ParameterSet::gradient_pointers(const Graph& graph) const {
  const std::vector<ValueId> parameters = graph.all(Role::parameter);
  CHECK(parameters.size() == slots_.size());
  std::vector<float*> pointers;
  for (ValueId gradient : graph.all(Role::gradient)) {
    const ValueId of = graph.value(gradient).gradient_of;
    float* pointer = nullptr;
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i] == of) pointer = gradients() + slots_[i].offset;
    CHECK(pointer != nullptr);
    pointers.push_back(pointer);
  }
  return pointers;
}

}  // namespace quire
