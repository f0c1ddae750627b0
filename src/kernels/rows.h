// Arguments of the row-wise kernels: Rows, a matrix whose rows may lie apart (a slice of the
// columns of a wider buffer), and Heads, rows that are cut into heads. Never stored past the call.
//
// Conventions of this folder. Kernels own no threads and allocate nothing: each function does the
// part of the work it is given, so an executor splits rows, column ranges or tiles among threads as
// it likes, and every element of every result is bit-identical however that is done. Tiled kernels
// tell their number of tiles and the scratch one thread needs. All shapes are CHECKed at the door
// of the public function. Gradients go to the first arguments and are written or added as Output
// says.
#pragma once
#include "tensor/view.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace quire {

// What happens to a result buffer.
enum class Output {
  write,  // y = ...: the old content is never read
  add,    // y += ...
};

// (n, width): row i is `width` consecutive elements from data + i * stride. A dense View converts
// to it.
template <class T>
struct Rows {
  T* data = nullptr;
  int64_t n = 0, width = 0, stride = 0;

  Rows() = default;
  Rows(T* data_, int64_t n_, int64_t width_, int64_t stride_)
      : data(data_), n(n_), width(width_), stride(stride_) {
    CHECK(n >= 0 && width >= 0 && (stride >= width || n <= 1));
  }
  Rows(T* data_, int64_t n_, int64_t width_) : Rows(data_, n_, width_, width_) {}
  template <class U>
    requires(std::is_same_v<std::remove_const_t<U>, std::remove_const_t<T>> &&
             std::is_convertible_v<U*, T*>)
  Rows(View<U, 2> v)  // NOLINT(google-explicit-constructor): a dense matrix is also a strided one
      : Rows(v.data(), v.dim(0), v.dim(1), v.dim(1)) {}
  template <class U>
    requires(std::is_same_v<T, const U>)
  Rows(const Rows<U>& other)  // NOLINT(google-explicit-constructor)
      : Rows(other.data, other.n, other.width, other.stride) {}

  T* row(int64_t i) const { return data + i * stride; }
  // Rows [begin, end) and columns [begin, end) of the same buffer.
  Rows part(int64_t begin, int64_t end) const { return {row(begin), end - begin, width, stride}; }
  Rows columns(int64_t begin, int64_t end) const { return {data + begin, n, end - begin, stride}; }
};

template <class A, class B>
bool same_shape(const Rows<A>& a, const Rows<B>& b) {
  return a.n == b.n && a.width == b.width;
}

// (n, n_heads, width): row i starts at data + i * stride, its heads follow each other.
template <class T>
struct Heads {
  T* data = nullptr;
  int64_t n = 0, n_heads = 0, width = 0, stride = 0;

  Heads() = default;
  Heads(T* data_, int64_t n_, int64_t n_heads_, int64_t width_, int64_t stride_)
      : data(data_), n(n_), n_heads(n_heads_), width(width_), stride(stride_) {
    CHECK(n >= 0 && n_heads > 0 && width > 0 && (stride >= n_heads * width || n <= 1));
  }
  template <class U>
    requires(std::is_same_v<std::remove_const_t<U>, std::remove_const_t<T>> &&
             std::is_convertible_v<U*, T*>)
  Heads(View<U, 3> v)  // NOLINT(google-explicit-constructor)
      : Heads(v.data(), v.dim(0), v.dim(1), v.dim(2), v.dim(1) * v.dim(2)) {}
  template <class U>
    requires(std::is_same_v<T, const U>)
  Heads(const Heads<U>& other)  // NOLINT(google-explicit-constructor)
      : Heads(other.data, other.n, other.n_heads, other.width, other.stride) {}

  T* row(int64_t i) const { return data + i * stride; }
  T* head(int64_t i, int64_t h) const { return data + i * stride + h * width; }
  Heads part(int64_t begin, int64_t end) const {
    return {row(begin), end - begin, n_heads, width, stride};
  }
};

template <class A, class B>
bool same_shape(const Heads<A>& a, const Heads<B>& b) {
  return a.n == b.n && a.n_heads == b.n_heads && a.width == b.width;
}

// Memory one thread lends to a kernel for the time of a call: at least the bytes the kernel asked
// for, aligned to 64. Its content means nothing before and after.
using Scratch = std::span<std::byte>;

}  // namespace quire
