// The codecs' part of `quire selftest`.
#pragma once
#include "base/selftest.h"

#include <vector>

namespace quire {

// Every codec, function and instruction set of this machine against the portable version.
std::vector<SelftestRow> selftest_codecs();

}  // namespace quire
