// Tensors of a Hugging Face checkpoint as rows, and the steps that turn them into what GGUF keeps.
// Nothing is copied before rows are asked for, and a tensor that needs no step stays in the mapped
// file. All functions assume that shapes were checked (model/hf_import.cpp does); filling cannot
// fail and is thread-safe.
#pragma once
#include "tensor/tensor.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace quire {

struct HfRows {
  using Fill = std::function<void(int64_t first, int64_t n, std::byte* to)>;

  DType dtype = DType::f32;
  Shape shape;  // as GGUF has it, row-major
  // All rows one after the other, when they lie in the file as they are; else `fill` makes rows
  // [first, first + n).
  const std::byte* mapped = nullptr;
  Fill fill = {};

  int64_t row_bytes() const { return quire::row_bytes(dtype, shape.last()); }
  void copy(int64_t first, int64_t n, std::byte* to) const;
};

HfRows mapped_rows(const TensorView& view);
// Row r of the result is row source(r); as many as the source has.
HfRows permuted_rows(const HfRows& rows, std::function<int64_t(int64_t)> source);
// Rows [first, first + n) of a matrix or vector; of a vector, elements.
HfRows sliced_rows(const HfRows& rows, int64_t first, int64_t n);
// Matrices (N, K) of one shape and type as (parts, N, K).
HfRows stacked_rows(std::vector<HfRows> parts);
// Matrices (Ni, K), or vectors, of one type one below the other.
HfRows joined_rows(std::vector<HfRows> parts);
// (N, K) -> (K, N), of f32, f16 or bf16. Needs the source mapped.
HfRows transposed_rows(const HfRows& rows);
// Matrices (parts, N, K) of f32, f16 or bf16 as (parts, K, N).
HfRows transposed_parts(HfRows rows);
// Columns first, first + step, ... of a matrix.
HfRows strided_columns(HfRows rows, int64_t first, int64_t step);
// The same elements under another shape of as many.
HfRows reshaped_rows(HfRows rows, const Shape& shape);
// Every element x as function(x), f32.
HfRows computed_rows(const HfRows& rows, std::function<float(float)> function);
HfRows f32_rows(HfRows rows);
// Matrix (N, K) of 8-bit floats (E4M3), each times the scale of its block: scales (ceil(N / rows),
// ceil(K / columns)) f32. DeepSeek-V3's format. Products are rounded to bf16.
struct F8Blocks {
  int64_t n_rows = 128, n_columns = 128;
};
HfRows f8_rows(const std::byte* bytes, const Shape& shape, std::vector<float> scales,
               F8Blocks block);
// Matrices (parts, N, K) of MXFP4 from blocks and scales that lie apart (gpt-oss): blocks (parts,
// N, K / 32, 16), two neighbours in each byte, the first one in the low half; scales (parts, N,
// K / 32).
HfRows mxfp4_rows(const std::byte* blocks, const std::byte* scales, const Shape& shape);

// The whole tensor in memory of its own.
Tensor materialize(const HfRows& rows);

}  // namespace quire
