// One row of `quire selftest`: a version of something measured against its reference on this
// machine. The layers with versions (quant, kernels) each return a list of these.
#pragma once
#include "base/isa.h"

#include <string>

namespace quire {

struct SelftestRow {
  std::string what;  // "codec Q8_0 dot"
  Isa isa = Isa::portable;
  double difference = 0;  // largest seen, in the unit the tolerance is in
  double tolerance = 0;   // 0 where the results must be identical
  // False for a difference that is not a number, too.
  bool pass() const { return difference <= tolerance; }
};

}  // namespace quire
