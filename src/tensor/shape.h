// Shapes: up to four dimensions, row-major, the last one contiguous, in the order of the papers. (A
// GGUF file lists them the other way round; format/gguf turns them.)
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/check.h"

namespace quire {

constexpr int rank_max = 4;

struct Shape {
  std::array<int64_t, rank_max> n{1, 1, 1, 1};  // n[0 .. rank), the rest 1
  int rank = 0;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    CHECK(dims.size() <= rank_max);
    for (int64_t d : dims) n[static_cast<size_t>(rank++)] = d;
  }
  int64_t operator[](int i) const { return n[static_cast<size_t>(i)]; }
  int64_t& operator[](int i) { return n[static_cast<size_t>(i)]; }
  // Length of a row; 1 for a scalar.
  int64_t last() const { return rank == 0 ? 1 : n[static_cast<size_t>(rank - 1)]; }
  // Product of all dimensions; the caller has made sure that it fits (files: format checks before
  // building a Shape).
  int64_t n_elements() const { return n[0] * n[1] * n[2] * n[3]; }
  // Number of rows of length last().
  int64_t n_rows() const { return last() == 0 ? 0 : n_elements() / last(); }
  bool operator==(const Shape& other) const { return rank == other.rank && n == other.n; }
  // "(512, 64)"
  std::string text() const;
};

}  // namespace quire
