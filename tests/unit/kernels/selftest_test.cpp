#include "kernels/selftest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quire {
namespace {

TEST(KernelSelftest, EveryVersionAgreesWithThePortableReference) {
  for (const uint64_t seed : {1u, 2u}) {
    for (const SelftestRow& row : selftest_kernels(seed))
      EXPECT_TRUE(row.pass()) << row.what << ", " << isa_name(row.isa) << ", seed " << seed << ": "
                              << row.difference << " > " << row.tolerance;
  }
}

TEST(KernelSelftest, HasARowForEveryInstructionSetOfThisMachine) {
  const std::vector<SelftestRow> rows = selftest_kernels();
  for (const Isa version : {Isa::avx2, Isa::avx512}) {
    int64_t n = 0;
    for (const SelftestRow& row : rows) n += row.isa == version;
    EXPECT_EQ(n >= 30, version <= isa_detected()) << isa_name(version) << ": " << n;
  }
}

}  // namespace
}  // namespace quire
