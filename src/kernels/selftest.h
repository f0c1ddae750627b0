// Every kernel version this machine can run against its portable reference, on random data of odd
// sizes.
#pragma once
#include "base/selftest.h"

#include <vector>

namespace quire {

std::vector<SelftestRow> selftest_kernels(uint64_t seed = 1);

}  // namespace quire
