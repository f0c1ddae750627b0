// The state space of Mamba-2 as a recurrence (Dao & Gu 2024, arXiv:2405.21060, section 7). Every
// head h has a state S (N, P), which each token t fades and adds to:
//   delta = log(1 + e^(dt[t,h] + dt_bias[h]))
//   S     = e^(delta a[h]) S + delta B[t,g]^T x[t,h],   y[t,h] = C[t,g] S + d[h] x[t,h]
// with the B and C of its group g = h / (H / G). A head stands alone: split by heads. A sequence
// cut into pieces gives the bits of the whole.
#pragma once
#include "kernels/rows.h"

namespace quire {

struct SsmScan {
  Heads<float> y{};              // (T, H, P), other memory than x
  Heads<const float> x{};        // (T, H, P), rows of one sequence
  Rows<const float> dt{};        // (T, H)
  Heads<const float> b{}, c{};   // (T, G, N), H a multiple of G
  View<const float, 1> a, d;     // (H); a negative
  View<const float, 1> dt_bias;  // (H)
  float* state = nullptr;        // (H, N, P)
  bool starts = false;           // the rows are the first of their sequence: it counts as 0
};

// One head. CHECKs the shapes.
void ssm_scan(const SsmScan& scan, int64_t head);

}  // namespace quire
