// TensorView: numbers of any storage type with a shape, not owned. Tensor: the same, owning (or
// sharing) its memory.
#pragma once
#include "tensor/dtype.h"
#include "tensor/shape.h"
#include "tensor/view.h"

#include <cstddef>
#include <memory>

namespace quire {

// Weights as they lie in a file or in memory: dtype, shape and the first byte. Rows are dense: row
// r starts at r * row_bytes(dtype, shape.last()).
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  const std::byte* data = nullptr;

  int64_t n_bytes() const { return shape.n_rows() * row_bytes(dtype, shape.last()); }
  const std::byte* row(int64_t r) const { return data + r * row_bytes(dtype, shape.last()); }
  const float* f32() const {
    CHECK(dtype == DType::f32);
    return reinterpret_cast<const float*>(data);
  }
};

// Owned memory, 64-byte aligned and zeroed. Copies share the bytes.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, const Shape& shape);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t n_bytes() const { return shape_.n_rows() * row_bytes(dtype_, shape_.last()); }
  std::byte* data() const { return data_.get(); }
  float* f32() const {
    CHECK(dtype_ == DType::f32);
    return reinterpret_cast<float*>(data_.get());
  }
  TensorView view() const { return {dtype_, shape_, data_.get()}; }

 private:
  DType dtype_ = DType::f32;
  Shape shape_;
  std::shared_ptr<std::byte[]> data_;
};

// Zeroed memory aligned to 64 bytes (2 MiB and huge pages asked for when large), freed with the
// last owner.
std::shared_ptr<std::byte[]> allocate_aligned(size_t n_bytes);

}  // namespace quire
