#include "quant/grids.h"

#include <cstddef>
#include <vector>

namespace quire {
namespace {

#include "quant/grids.inc"

constexpr unsigned digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
  return c == '+' ? 62 : 63;
}

// The codes behind a text of distances (tools/iq_grids.py), each digit of `bits` bits replaced by
// its byte of `values`.
template <class Row, int n>
constexpr Grid<Row, n> expand(const char* distances, unsigned bits, const int* values) {
  Grid<Row, n> grid = {};
  unsigned code = 0;
  for (int i = 0; i < n; ++i) {
    unsigned distance = i > 0 ? 1 : 0, shift = 0, digit = 0;
    do {
      digit = digit_of(*distances++);
      distance += (digit & 31) << shift;
      shift += 5;
    } while (digit >= 32);
    code += distance;
    for (unsigned j = 0; j < sizeof(Row); ++j) {
      const int value = values[code >> bits * j & ((1u << bits) - 1)];
      grid.rows[i] |= static_cast<Row>(value & 255) << 8 * j;
    }
  }
  return grid;
}

constexpr int iq2_values[] = {8, 25, 43};
constexpr int iq3_xxs_values[] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr int iq3_s_values[] = {1, 3, 5, 7, 9, 11, 13, 15};
constexpr int iq1_values[] = {-1, 0, 1};

}  // namespace

constinit const Grid<uint64_t, 256> iq2_xxs_grid =
    expand<uint64_t, 256>(iq2_xxs_distances, 2, iq2_values);
constinit const Grid<uint64_t, 512> iq2_xs_grid =
    expand<uint64_t, 512>(iq2_xs_distances, 2, iq2_values);
constinit const Grid<uint64_t, 1024> iq2_s_grid =
    expand<uint64_t, 1024>(iq2_s_distances, 2, iq2_values);
constinit const Grid<uint32_t, 256> iq3_xxs_grid =
    expand<uint32_t, 256>(iq3_xxs_distances, 3, iq3_xxs_values);
constinit const Grid<uint32_t, 512> iq3_s_grid =
    expand<uint32_t, 512>(iq3_s_distances, 3, iq3_s_values);
constinit const Grid<uint64_t, 2048> iq1_grid =
    expand<uint64_t, 2048>(iq1_distances, 2, iq1_values);

namespace {

// Owns what a Codebook points to.
struct CodebookStorage {
  std::vector<float> values, levels;
  Codebook book;

  template <class Row, int n, int n_levels>
  CodebookStorage(const Grid<Row, n>& grid, const int (&level_values)[n_levels])
      : values(sizeof(Row) * n), levels(level_values, level_values + n_levels) {
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t j = 0; j < sizeof(Row); ++j)
        values[j * n + r] = static_cast<float>(static_cast<int8_t>(grid.rows[r] >> 8 * j));
    book = {values.data(), n, levels.data(), n_levels};
  }
};

}  // namespace

#define CODEBOOK(name, level_values)                                 \
  const Codebook& name##_codebook() {                                \
    static const CodebookStorage storage(name##_grid, level_values); \
    return storage.book;                                             \
  }
CODEBOOK(iq2_xxs, iq2_values)
CODEBOOK(iq2_xs, iq2_values)
CODEBOOK(iq2_s, iq2_values)
CODEBOOK(iq3_xxs, iq3_xxs_values)
CODEBOOK(iq3_s, iq3_s_values)
CODEBOOK(iq1, iq1_values)
#undef CODEBOOK

}  // namespace quire
