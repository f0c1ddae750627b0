// The codebooks of the i-quants: rows of small magnitudes chosen by their makers. Facts of the
// format (GGUF); quant/grids.inc has them in short form, from tools/iq_grids.py.
//
// A row is one integer; its lowest byte is the first element. Values: iq2 8, 25, 43; iq3_xxs 4, 12,
// ..., 52, 62; iq3_s 1, 3, ..., 15; iq1 -1, 0, 1 (signed bytes).
#pragma once
#include <cstdint>

namespace quire {

template <class Row, int n>
struct Grid {
  Row rows[n];
  const Row& operator[](unsigned index) const { return rows[index]; }  // index < n
};

extern const Grid<uint64_t, 256> iq2_xxs_grid;
extern const Grid<uint64_t, 512> iq2_xs_grid;
extern const Grid<uint64_t, 1024> iq2_s_grid;
extern const Grid<uint32_t, 256> iq3_xxs_grid;
extern const Grid<uint32_t, 512> iq3_s_grid;
extern const Grid<uint64_t, 2048> iq1_grid;  // IQ1_S and IQ1_M

// The same for the search of an encoder: values[j * n_rows + r] is element j of row r, and `levels`
// are the values there are, rising.
struct Codebook {
  const float* values;
  int n_rows;
  const float* levels;
  int n_levels;
};
// Made on first use, then shared. Thread-safe.
const Codebook& iq2_xxs_codebook();
const Codebook& iq2_xs_codebook();
const Codebook& iq2_s_codebook();
const Codebook& iq3_xxs_codebook();
const Codebook& iq3_s_codebook();
const Codebook& iq1_codebook();

// Whether the number of minus signs of eight elements must be even, so that seven bits tell them.
enum class Parity { any, even };

}  // namespace quire
