#include "quant/f8.h"

#include <array>

namespace quire {
namespace {

// A kilobyte: it stays in the first-level cache for a row.
constexpr auto e4m3 = [] {
  std::array<float, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) table[i] = f8_e4m3_to_f32(static_cast<uint8_t>(i));
  return table;
}();

}  // namespace

void decode_f8_e4m3(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = e4m3[static_cast<size_t>(src[i])];
}

void decode_f8_e5m2(const std::byte* src, float* dst, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dst[i] = f8_e5m2_to_f32(static_cast<uint8_t>(src[i]));
}

}  // namespace quire
