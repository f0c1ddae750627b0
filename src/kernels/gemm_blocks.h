// The inside of the matrix product: panels that are packed once, and a block of C made from them.
// Attention for training is built from the same blocks. Only for kernel files.
//
// A panel of B holds panel_n columns of (K, N):  panel[k * panel_n + j]; columns past N are zero.
// Panels of one matrix follow each other at a distance the caller knows. A comes in one of two
// layouts:
//   rows     a[i * gemm_a_stride + k]    a copy of rows; the odd multiple of a cache line keeps
//   rows off each other's
//                                        cache sets, and a constant makes every address of the
//                                        kernel a displacement
//   columns  a[k * stride + i]           consecutive along M
#pragma once
#include "kernels/gemm.h"

namespace quire {

constexpr int64_t gemm_a_stride = gemm_k_block + 16;  // floats

struct GemmBlocks {
  int64_t panel_m = 0, panel_n = 0;  // the register block: rows and columns of C

  // C (m, n) = [C +] [bias +] A (m, k) · B (k, n). k <= gemm_k_block for A in rows. b_step: floats
  // between panels of B. Each element is one sequential sum over k, whatever m and n.
  struct Task {
    int64_t m, n, k;
    const float* a;
    int64_t a_stride;      // columns: floats between the lines of one k and the next
    int64_t a_panel_step;  // columns: floats from panel_m rows of A to the next panel_m
    const float* b;
    int64_t b_step;
    float* c;
    int64_t c_stride;
    const float* bias;  // (n) or null
    Output output;
  };
  void (*multiply_rows)(const Task& task);
  void (*multiply_columns)(const Task& task);

  // Lines are consecutive along K: packs n <= panel_n columns, column j from lines + j * stride.
  void (*pack_columns)(float* panel, const float* lines, int64_t stride, int64_t n, int64_t k);
  // Lines are consecutive along N: packs n <= panel_n elements of k lines.
  void (*pack_rows)(float* panel, const float* lines, int64_t stride, int64_t n, int64_t k);
  // Packs m <= panel_m elements of each of k lines into the layout a[k * panel_m + i]; writes up to
  // 15 floats past it.
  void (*pack_a_columns)(float* a, const float* lines, int64_t stride, int64_t m, int64_t k);
};

// The version to use now.
GemmBlocks gemm_blocks();

}  // namespace quire
