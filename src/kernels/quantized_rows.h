// Rows of activations as products with quantized weights want them (Precision::fast).
//
//   q8_32    x ~ scale[g] q, q in [-127, 127], one scale for each 32 elements; for weights in
//   blocks
//            of 32 to 128 (Q4_0, Q8_0, IQ4_NL, MXFP4, ...)
//   q8_256   the same with one scale for 256 elements, so that the scales of the groups inside a
//            k-quant or i-quant block are all that changes along it
//   bf16     rounded to nearest, for weights in BF16
//   q14_32   as q8_32 with q in [-8191, 8191], for weights in F16 (kernels/int16_blocks.h): closer
//            than F16 is
//
// scale = max |x| / 127, q = x 127 / max |x| rounded to nearest, ties to even (8191 in the place
// of 127 in q14_32). That is how ggml
// rounds activations (Q8_0 and Q8_K of its ggml-quants.c), except that scales stay f32. A group
// that holds a NaN or an infinity becomes NaN; one below 1e-30 becomes zero. The same bits on every
// instruction set.
//
// Memory: a chunk is 256 elements of one row (chunk_bytes()); chunk c of row t lies at index c n +
// t, so that a product that walks chunk by chunk reads its rows one after the other. A row's last
// chunk is filled with zeros.
#pragma once
#include "kernels/rows.h"
#include "tensor/dtype.h"

namespace quire {

// How matrix products treat activations.
enum class Precision : uint8_t {
  exact,  // as f32
  fast,   // rounded to 8 bits (BF16 and F16 weights: to 16), as other engines do
};

enum class RowFormat : uint8_t { f32, q8_32, q8_256, bf16, q14_32 };
constexpr size_t n_row_formats = 5;

// What products with weights of this type take; f32 where there is nothing faster.
RowFormat row_format(DType weights, Precision precision);

constexpr int64_t chunk_width = 256;

struct alignas(64) Q8Chunk {
  int8_t q[256];
  float scale[8];      // of each 32; in q8_256 all the same
  int32_t init32[8];   // -128 x the sum of each 32 q: what a product with weights + 128 starts from
  int32_t init16[16];  // the same for each 16 q
  float sum32[8];      // of each 32 q
  int16_t whole32[8], whole16[16];  // the sums of each 32 and 16 q as they are
  int16_t unused[24];
};
struct alignas(64) Bf16Chunk {
  uint16_t x[256];
};
struct alignas(64) Q14Chunk {
  int16_t q[256];
  float scale[8];  // of each 32
};
static_assert(sizeof(Q8Chunk) == 512 && sizeof(Bf16Chunk) == 512 && sizeof(Q14Chunk) == 576);
int64_t chunk_bytes(RowFormat format);

struct QuantizedRows {
  RowFormat format = RowFormat::f32;
  int64_t n = 0, width = 0;
  std::byte* data = nullptr;  // quantized_rows_bytes(), aligned to 64

  int64_t n_chunks() const { return (width + chunk_width - 1) / chunk_width; }
  template <class Chunk>
  Chunk* chunks(int64_t c) const {
    return reinterpret_cast<Chunk*>(data) + c * n;
  }
};
int64_t quantized_rows_bytes(RowFormat format, int64_t n, int64_t width);

// Rows [begin, end) of x into their places in `to`; any cut gives the same bits. x (to.n,
// to.width).
void quantize_rows(const QuantizedRows& to, Rows<const float> x, int64_t begin, int64_t end);
// One row of to.width numbers as row t of `to`.
void quantize_row(const QuantizedRows& to, int64_t t, const float* x);

}  // namespace quire
