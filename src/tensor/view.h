// View<T, Rank>: a pointer with a shape, row-major and dense, for arguments. Never stored past the
// call.
//   void rms_norm(View<float, 2> y, View<const float, 2> x, ...);   y(t, d) = ...
#pragma once
#include "base/check.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace quire {

template <class T, int Rank>
class View {
 public:
  View() = default;
  template <class... N>
    requires(sizeof...(N) == Rank)
  explicit View(T* data, N... n) : data_(data), n_{static_cast<int64_t>(n)...} {}
  // A mutable view is also a const one.
  template <class U>
    requires(std::is_same_v<T, const U>)
  View(View<U, Rank> other)  // NOLINT(google-explicit-constructor)
      : data_(other.data()), n_(other.shape()) {}

  T* data() const { return data_; }
  int64_t dim(int i) const { return n_[static_cast<size_t>(i)]; }
  const std::array<int64_t, Rank>& shape() const { return n_; }
  int64_t n_elements() const {
    int64_t product = 1;
    for (int64_t d : n_) product *= d;
    return product;
  }
  template <class... I>
    requires(sizeof...(I) == Rank)
  T& operator()(I... index) const {
    int64_t offset = 0;
    int axis = 0;
    ((DCHECK(index >= 0 && static_cast<int64_t>(index) < dim(axis)),
      offset = offset * dim(axis) + static_cast<int64_t>(index), ++axis),
     ...);
    return data_[offset];
  }
  // The first element of row i: of the part with the first index fixed.
  T* row(int64_t i) const {
    DCHECK(i >= 0 && i < n_[0]);
    return data_ + i * (n_[0] == 0 ? 0 : n_elements() / n_[0]);
  }

 private:
  T* data_ = nullptr;
  std::array<int64_t, Rank> n_{};
};

}  // namespace quire
