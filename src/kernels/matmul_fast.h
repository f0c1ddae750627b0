// The fast matrix product: activations rounded once (kernels/quantized_rows.h), weights of any
// storage type unpacked on the way to small panels in the first-level cache, nothing kept of them.
//
// A tile is some rows of x by some rows of w (outputs). It goes through w 32 rows at a time, each
// in chunks of 256 columns, and multiplies a chunk with all its rows of x before the next: with one
// row of x weights stream at the speed of memory, with many the unpacking disappears. With few rows
// the first tiles are long, for memory to be read in long runs, and get shorter, so that threads
// end together.
#pragma once
#include "kernels/quantized_rows.h"
#include "tensor/tensor.h"

namespace quire {

struct FastMatmul {
  QuantizedRows x{};            // (T, K), in the format row_format(w.dtype, Precision::fast)
  TensorView w{};               // (N, K)
  Rows<float> y{};              // (T, N)
  const float* bias = nullptr;  // (N) or none; added once, also with Output::add
  Output output = Output::write;
};

struct FastPlan {
  FastMatmul matmul;
  int64_t tile_t = 0, tile_n = 0;  // rows and outputs of a tile; outputs 0: they shrink
  int64_t n_tiles_n = 0, n_tiles = 0;
  int n_threads = 1;
};

// n_threads: a hint for the size of the tiles, without influence on results. CHECKs the shapes.
FastPlan fast_plan(const FastMatmul& matmul, int n_threads = 1);
// For one thread; enough for every tile of every plan.
size_t fast_scratch_bytes();
void fast_tile(const FastPlan& plan, int64_t tile, Scratch scratch);

}  // namespace quire
