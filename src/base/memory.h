// How much memory there is.
#pragma once
#include <cstdint>

namespace quire {

// Of the machine.
int64_t physical_memory_bytes();
// What the machine has left for this process, page cache that can be given back included, and no
// more than its control groups have left, whose page cache counts as used; 0 when that is not
// known.
int64_t available_memory_bytes();

}  // namespace quire
