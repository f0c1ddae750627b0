#include "kernels/selftest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace quire {
namespace {

// Sanitizers make a run take minutes; there one has to do.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t seeds[] = {1};
#else
constexpr uint64_t seeds[] = {1, 2};
#endif

TEST(KernelSelftest, EveryVersionOfThisMachineIsThereAndAgreesWithThePortableReference) {
  for (const uint64_t seed : seeds) {
    const std::vector<SelftestRow> rows = selftest_kernels(seed);
    for (const SelftestRow& row : rows)
      EXPECT_TRUE(row.pass()) << row.what << ", " << isa_name(row.isa) << ", seed " << seed << ": "
                              << row.difference << " > " << row.tolerance;
    for (const Isa version : {Isa::avx2, Isa::avx512}) {
      const auto n = std::ranges::count(rows, version, &SelftestRow::isa);
      EXPECT_EQ(n >= 30, version <= isa_detected()) << isa_name(version) << ": " << n;
    }
  }
}

}  // namespace
}  // namespace quire
