#include "kernels/rope.h"

#include "unit/kernels/support.h"

namespace quire {
namespace {

Doubles frequencies_of(int64_t n, double base) {
  Doubles f(static_cast<size_t>(n));
  rope_frequencies(View<double, 1>(f.data(), n), base);
  return f;
}
View<const double, 1> view_of(const Doubles& x) {
  return View<const double, 1>(x.data(), x.size());
}

class Rope : public EachIsa {};
FOR_EACH_ISA(Rope);

TEST_P(Rope, FrequenciesFallFromOneToTheInverseOfTheBase) {
  const Doubles f = frequencies_of(4, 10000);
  EXPECT_NEAR(f[0], 1, 1e-15);
  EXPECT_NEAR(f[1], 0.1, 1e-15);
  EXPECT_NEAR(f[3], 0.001, 1e-15);
}

TEST_P(Rope, ATableIsAccurateAtAMillion) {
  const Doubles f = frequencies_of(3, 500000);
  const std::vector<int32_t> positions{0, 1, 999999};
  Floats table(3 * 6);
  rope_table(rows_of(table, 3), vector_of(positions), view_of(f), 2.0f);
  for (size_t t = 0; t < 3; ++t)
    for (size_t i = 0; i < 3; ++i) {
      const long double angle = static_cast<long double>(positions[t]) * f[i];
      EXPECT_NEAR(table[t * 6 + i], static_cast<double>(2 * std::cos(angle)), 3e-7);
      EXPECT_NEAR(table[t * 6 + 3 + i], static_cast<double>(2 * std::sin(angle)), 3e-7);
    }
}

TEST_P(Rope, TurnsTheRightPairsAndCopiesTheRest) {
  for (const int64_t n : {1, 2, 7, 8, 16, 17, 31, 32, 48, 64})
    for (const RopePairs pairs : {RopePairs::neighbours, RopePairs::halves}) {
      const int64_t width = 2 * n + 5, heads = 2, rows = 3;
      const Floats x = random_floats(rows * heads * width, 1);
      const std::vector<int32_t> positions{0, 77, 4095};
      const Doubles f = frequencies_of(n, 10000);
      Floats table(static_cast<size_t>(rows * 2 * n)), y(x.size());
      rope_table(rows_of(table, rows), vector_of(positions), view_of(f), 1.0f);
      rope(heads_of(y, rows, heads), heads_of(x, rows, heads), rows_of(table, rows), pairs,
           RopeTurn::forward);
      Doubles right = as_doubles(x);
      for (int64_t row = 0; row < rows * heads; ++row)
        for (int64_t i = 0; i < n; ++i) {
          const bool halves = pairs == RopePairs::halves;
          const size_t a = static_cast<size_t>(row * width + (halves ? i : 2 * i));
          const size_t b = a + static_cast<size_t>(halves ? n : 1);
          const double angle =
              positions[static_cast<size_t>(row / heads)] * f[static_cast<size_t>(i)];
          const double xa = static_cast<double>(x[a]), xb = static_cast<double>(x[b]);
          right[a] = xa * std::cos(angle) - xb * std::sin(angle);
          right[b] = xa * std::sin(angle) + xb * std::cos(angle);
        }
      EXPECT_LE(difference(y, right), few_ulp) << n;
      Floats in_place(x);
      rope(heads_of(in_place, rows, heads), heads_of(in_place, rows, heads), rows_of(table, rows),
           pairs, RopeTurn::forward);
      EXPECT_EQ(in_place, y);
    }
}

TEST_P(Rope, BackwardIsTheTransposedTurn) {
  // <turn(x), dy> = <x, turn back(dy)> for every x and dy, magnitude included.
  for (const RopePairs pairs : {RopePairs::neighbours, RopePairs::halves}) {
    const Floats x = random_floats(4 * 2 * 40, 1), dy = random_floats(4 * 2 * 40, 2);
    const Floats old = random_floats(4 * 2 * 40, 3);
    const std::vector<int32_t> positions{3, 5, 900, 100000};
    const Doubles f = frequencies_of(18, 10000);
    Floats table(4 * 36), y(x.size()), dx(x.size()), added(old);
    rope_table(rows_of(table, 4), vector_of(positions), view_of(f), 1.3f);
    rope(heads_of(y, 4, 2), heads_of(x, 4, 2), rows_of(table, 4), pairs, RopeTurn::forward);
    rope(heads_of(dx, 4, 2), heads_of(dy, 4, 2), rows_of(table, 4), pairs, RopeTurn::backward);
    rope(heads_of(added, 4, 2), heads_of(dy, 4, 2), rows_of(table, 4), pairs, RopeTurn::backward,
         Output::add);
    EXPECT_NEAR(dot(as_doubles(y), dy), dot(as_doubles(x), dx), 1e-4);
    EXPECT_LE(difference(added, sum_of(old, dx)), few_ulp);
  }
}

}  // namespace
}  // namespace quire
