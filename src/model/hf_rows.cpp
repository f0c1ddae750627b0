#include "model/hf_rows.h"

#include "quant/codec.h"
#include "quant/f8.h"
#include "quant/half.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace quire {
namespace {

// Rows that a step works on at a time: few enough for its buffers to stay in the second-level
// cache (64 rows of 4096 floats are 1 MiB).
constexpr int64_t rows_at_once = 64;

template <class T>
void transpose(const std::byte* source, int64_t n_rows, int64_t width, int64_t first, int64_t n,
               std::byte* to) {
  for (int64_t r = 0; r < n_rows; ++r)
    for (int64_t c = 0; c < n; ++c)
      std::memcpy(to + (c * n_rows + r) * static_cast<int64_t>(sizeof(T)),
                  source + (r * width + first + c) * static_cast<int64_t>(sizeof(T)), sizeof(T));
}

}  // namespace

void HfRows::copy(int64_t first, int64_t n, std::byte* to) const {
  if (mapped != nullptr)
    std::memcpy(to, mapped + first * row_bytes(), static_cast<size_t>(n * row_bytes()));
  else
    fill(first, n, to);
}

HfRows mapped_rows(const TensorView& view) { return {view.dtype, view.shape, view.data, {}}; }

HfRows permuted_rows(const HfRows& rows, std::function<int64_t(int64_t)> source) {
  HfRows out{rows.dtype, rows.shape, nullptr, {}};
  if (rows.shape.rank == 1) {  // a vector's elements are its rows
    out.fill = [rows, source = std::move(source)](int64_t, int64_t, std::byte* to) {
      std::vector<std::byte> all(static_cast<size_t>(rows.row_bytes()));
      rows.copy(0, 1, all.data());
      const int64_t width = quire::row_bytes(rows.dtype, 1);
      for (int64_t i = 0; i < rows.shape[0]; ++i)
        std::memcpy(to + i * width, all.data() + source(i) * width, static_cast<size_t>(width));
    };
    return out;
  }
  out.fill = [rows, source = std::move(source)](int64_t first, int64_t n, std::byte* to) {
    for (int64_t r = 0; r < n; ++r) rows.copy(source(first + r), 1, to + r * rows.row_bytes());
  };
  return out;
}

HfRows sliced_rows(const HfRows& rows, int64_t first, int64_t n) {
  HfRows out = rows;
  out.shape[0] = n;
  if (rows.shape.rank == 1) {  // its elements are one row
    if (rows.mapped != nullptr) {
      out.mapped = rows.mapped + first * quire::row_bytes(rows.dtype, 1);
      return out;
    }
    out.fill = [rows, first, n](int64_t, int64_t, std::byte* to) {
      std::vector<std::byte> all(static_cast<size_t>(rows.row_bytes()));
      rows.copy(0, 1, all.data());
      const int64_t element = quire::row_bytes(rows.dtype, 1);
      std::memcpy(to, all.data() + first * element, static_cast<size_t>(n * element));
    };
    return out;
  }
  const int64_t each = rows.shape.n_rows() / rows.shape[0];  // rows to an index
  if (rows.mapped != nullptr) {
    out.mapped = rows.mapped + first * each * rows.row_bytes();
    return out;
  }
  out.fill = [rows, start = first * each](int64_t from, int64_t count, std::byte* to) {
    rows.copy(start + from, count, to);
  };
  return out;
}

HfRows joined_rows(std::vector<HfRows> parts) {
  HfRows out{parts[0].dtype, parts[0].shape, nullptr, {}};
  const bool vectors = out.shape.rank == 1;
  for (size_t i = 1; i < parts.size(); ++i) out.shape[0] += parts[i].shape[0];
  out.fill = [parts = std::move(parts), vectors](int64_t first, int64_t n, std::byte* to) {
    int64_t start = 0;
    for (const HfRows& part : parts) {
      if (vectors) {  // all of them make the one row
        part.copy(0, 1, to);
        to += part.row_bytes();
        continue;
      }
      const int64_t end = start + part.shape.n_rows();
      const int64_t from = std::max(first, start), until = std::min(first + n, end);
      if (from < until)
        part.copy(from - start, until - from, to + (from - first) * part.row_bytes());
      start = end;
    }
  };
  return out;
}

HfRows stacked_rows(std::vector<HfRows> parts) {
  const auto n_parts = static_cast<int64_t>(parts.size());
  const Shape one = parts[0].shape;
  if (one.rank == 1)  // vectors: each is a row of the result
    for (HfRows& part : parts) part.shape = {1, one[0]};
  HfRows out = joined_rows(std::move(parts));
  if (one.rank == 1)
    out.shape = {n_parts, one[0]};
  else if (one.rank == 2)
    out.shape = {n_parts, one[0], one[1]};
  else
    out.shape = {n_parts, one[0], one[1], one[2]};
  return out;
}

HfRows transposed_rows(const HfRows& rows) {
  CHECK(rows.mapped != nullptr && rows.shape.rank == 2);
  HfRows out{rows.dtype, {rows.shape[1], rows.shape[0]}, nullptr, {}};
  out.fill = [rows](int64_t first, int64_t n, std::byte* to) {
    const auto run = rows.dtype == DType::f32 ? transpose<uint32_t> : transpose<uint16_t>;
    run(rows.mapped, rows.shape[0], rows.shape[1], first, n, to);
  };
  return out;
}

HfRows transposed_parts(HfRows rows) {
  CHECK(rows.shape.rank == 3);
  const int64_t n = rows.shape[1], width = rows.shape[2];
  HfRows out{rows.dtype, {rows.shape[0], width, n}, nullptr, {}};
  out.fill = [rows = std::move(rows), n, width](int64_t first, int64_t count, std::byte* to) {
    // Where the rows are at hand, each result is made of a part of them only.
    std::vector<std::byte> copied(
        rows.mapped != nullptr ? 0 : static_cast<size_t>(n * rows.row_bytes()));
    const auto run = rows.dtype == DType::f32 ? transpose<uint32_t> : transpose<uint16_t>;
    const int64_t out_bytes = quire::row_bytes(rows.dtype, n);
    for (const int64_t end = first + count; first < end;) {
      const int64_t index = first / width;
      const int64_t here = std::min(end, (index + 1) * width) - first;
      if (rows.mapped == nullptr) rows.copy(index * n, n, copied.data());
      const std::byte* part =
          rows.mapped != nullptr ? rows.mapped + index * n * rows.row_bytes() : copied.data();
      run(part, n, width, first - index * width, here, to);
      to += here * out_bytes;
      first += here;
    }
  };
  return out;
}

HfRows strided_columns(HfRows rows, int64_t first, int64_t step) {
  CHECK(rows.shape.rank == 2);
  HfRows out{rows.dtype, {rows.shape[0], (rows.shape[1] - first + step - 1) / step}, nullptr, {}};
  const int64_t each = quire::row_bytes(rows.dtype, 1), n_columns = out.shape[1];
  out.fill = [rows = std::move(rows), first, step, each, n_columns](int64_t row, int64_t n,
                                                                    std::byte* to) {
    std::vector<std::byte> whole(static_cast<size_t>(rows.row_bytes()));
    for (int64_t r = 0; r < n; ++r) {
      rows.copy(row + r, 1, whole.data());
      for (int64_t c = 0; c < n_columns; ++c, to += each)
        std::memcpy(to, whole.data() + (first + c * step) * each, static_cast<size_t>(each));
    }
  };
  return out;
}

HfRows reshaped_rows(HfRows rows, const Shape& shape) {
  CHECK(rows.shape.n_elements() == shape.n_elements());
  if (rows.mapped != nullptr || rows.shape.last() == shape.last()) {
    rows.shape = shape;
    return rows;
  }
  HfRows out{rows.dtype, shape, nullptr, {}};
  // The rows differ: made all at once. Only small tensors come here.
  out.fill = [rows, shape](int64_t first, int64_t n, std::byte* to) {
    const Tensor all = materialize(rows);
    const int64_t width = quire::row_bytes(rows.dtype, shape.last());
    std::memcpy(to, all.data() + first * width, static_cast<size_t>(n * width));
  };
  return out;
}

HfRows computed_rows(const HfRows& rows, std::function<float(float)> function) {
  HfRows out{DType::f32, rows.shape, nullptr, {}};
  out.fill = [rows, function = std::move(function)](int64_t first, int64_t n, std::byte* to) {
    const int64_t width = rows.shape.last();
    std::vector<std::byte> row(static_cast<size_t>(rows.row_bytes()));
    std::vector<float> numbers(static_cast<size_t>(width));
    for (int64_t r = 0; r < n; ++r) {
      rows.copy(first + r, 1, row.data());
      codec(rows.dtype)->decode(row.data(), numbers.data(), width);
      for (float& x : numbers) x = function(x);
      std::memcpy(to + r * width * 4, numbers.data(), static_cast<size_t>(width) * 4);
    }
  };
  return out;
}

HfRows f32_rows(HfRows rows) {
  if (rows.dtype == DType::f32) return rows;
  HfRows out{DType::f32, rows.shape, nullptr, {}};
  out.fill = [rows](int64_t first, int64_t n, std::byte* to) {
    const int64_t width = rows.shape.last();
    std::vector<std::byte> row(static_cast<size_t>(rows.row_bytes()));
    std::vector<float> numbers(static_cast<size_t>(width));
    for (int64_t r = 0; r < n; ++r) {
      rows.copy(first + r, 1, row.data());
      codec(rows.dtype)->decode(row.data(), numbers.data(), width);
      std::memcpy(to + r * width * 4, numbers.data(), static_cast<size_t>(width) * 4);
    }
  };
  return out;
}

HfRows f8_rows(const std::byte* bytes, const Shape& shape, std::vector<float> scales,
               F8Blocks block) {
  HfRows out{DType::bf16, shape, nullptr, {}};
  const int64_t width = shape.last();
  const int64_t n_across = (width + block.n_columns - 1) / block.n_columns;
  out.fill = [bytes, width, n_across, block,
              shared = std::make_shared<std::vector<float>>(std::move(scales))](
                 int64_t first, int64_t n, std::byte* to) {
    std::vector<float> numbers(static_cast<size_t>(width));
    for (int64_t r = 0; r < n; ++r) {
      decode_f8_e4m3(bytes + (first + r) * width, numbers.data(), width);
      const float* scale = shared->data() + (first + r) / block.n_rows * n_across;
      for (int64_t i = 0; i < width; ++i)
        numbers[static_cast<size_t>(i)] *= scale[i / block.n_columns];
      codec(DType::bf16)->encode(numbers.data(), to + r * width * 2, width);
    }
  };
  return out;
}

HfRows mxfp4_rows(const std::byte* blocks, const std::byte* scales, const Shape& shape) {
  constexpr int64_t half = 16;  // bytes of a block
  HfRows out{DType::mxfp4, shape, nullptr, {}};
  const int64_t n_blocks = shape.last() / (2 * half);
  out.fill = [blocks, scales, n_blocks](int64_t first, int64_t n, std::byte* to) {
    for (int64_t b = first * n_blocks; b < (first + n) * n_blocks; ++b) {
      *to++ = scales[b];
      // Byte i of GGUF's block has elements i and i + 16, that of the checkpoint 2i and 2i + 1.
      const std::byte* in = blocks + b * half;
      const auto element = [in](int64_t i) {
        return i % 2 == 0 ? in[i / 2] & std::byte{15} : in[i / 2] >> 4;
      };
      for (int64_t i = 0; i < half; ++i) *to++ = element(i) | element(i + half) << 4;
    }
  };
  return out;
}

Tensor materialize(const HfRows& rows) {
  Tensor tensor(rows.dtype, rows.shape);
  const int64_t n_rows = rows.shape.n_rows();
  for (int64_t r = 0; r < n_rows; r += rows_at_once)
    rows.copy(r, std::min(rows_at_once, n_rows - r), tensor.data() + r * rows.row_bytes());
  return tensor;
}

}  // namespace quire
