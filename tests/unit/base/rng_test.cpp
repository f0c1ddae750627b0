#include "base/rng.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace quire {
namespace {

// Values of the authors' reference programs (https://prng.di.unimi.it), which other
// implementations of the two algorithms test against as well.
TEST(SplitMix64, GivesTheReferenceSequence) {
  uint64_t state = 1234567;
  for (const uint64_t expected : {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                  4593380528125082431u, 16408922859458223821u})
    EXPECT_EQ(splitmix64(state), expected);
}

TEST(Rng, GivesTheReferenceSequenceOfXoshiro256StarStar) {
  Rng rng;
  for (uint64_t i = 0; i < 4; ++i) rng.s[i] = i + 1;
  for (const uint64_t expected :
       {uint64_t{11520}, uint64_t{0}, uint64_t{1509978240}, uint64_t{1215971899390074240},
        uint64_t{1216172134540287360}, uint64_t{607988272756665600}, 16172922978634559625u,
        uint64_t{8476171486693032832}, 10595114339597558777u, uint64_t{2904607092377533576}})
    EXPECT_EQ(rng.next(), expected);
}

TEST(Rng, IsSeededBySplitMix64) {
  Rng rng(42);
  for (const uint64_t expected : {uint64_t{1546998764402558742}, uint64_t{6990951692964543102},
                                  12544586762248559009u, 17057574109182124193u})
    EXPECT_EQ(rng.next(), expected);
}

TEST(Rng, ContinuesFromACopiedState) {
  Rng rng(7);
  for (int i = 0; i < 100; ++i) rng.next();
  Rng copy = rng;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(copy.next(), rng.next());
}

// Chi-squared over 60 cells with 1000 draws each: 59 degrees of freedom, mean 59, standard
// deviation 10.9; the seed is fixed, 120 is far outside what an even generator gives.
TEST(Rng, BelowIsEven) {
  Rng rng(1);
  std::array<int, 60> counts{};
  for (int i = 0; i < 60000; ++i) ++counts.at(rng.below(60));
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_squared, 120);
  EXPECT_GT(chi_squared, 20) << "more even than chance allows";
}

// Above 2^63 a plain modulo would show the lower half of the range twice as often.
TEST(Rng, BelowHasNoModuloBias) {
  Rng rng(2);
  const uint64_t n = (uint64_t{3} << 62);
  int n_low = 0;
  for (int i = 0; i < 30000; ++i) {
    const uint64_t x = rng.below(n);
    ASSERT_LT(x, n);
    n_low += x < n / 3 ? 1 : 0;
  }
  EXPECT_NEAR(n_low, 10000, 500);  // standard deviation 82; a modulo would give 15000
  EXPECT_EQ(rng.below(1), 0u);
}

TEST(Rng, UniformStaysBelowOne) {
  Rng rng(3);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = rng.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);  // standard deviation of the mean 0.0009
}

TEST(Rng, NormalHasTheMomentsOfANormal) {
  Rng rng(4);
  constexpr int n = 200000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0, 0.012);  // each bound is five standard deviations of the estimate
  EXPECT_NEAR(squares / n, 1, 0.016);
  EXPECT_NEAR(fourth / n, 3, 0.11);
}

}  // namespace
}  // namespace quire
