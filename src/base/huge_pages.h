// File maps in huge pages. A map of a file has pages of 4 KiB, at whose ends the processor's own
// prefetching stops and for each of which it looks up an address: weights that are read once in
// every step come up to 44 % slower than out of pages of 2 MiB (docs/log.md), and the first step
// waits for 250,000 of them in each gigabyte.
#pragma once
#include "base/threads.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace quire {

// Whether maps may be moved from now on (they may); false keeps memory that the system can drop and
// read from the file again, for machines on which other programs grow later.
void allow_huge_pages(bool may);

// Replaces what lies in private, read-only maps of files by copies in huge pages, where it lies:
// addresses and bytes stay as they are, and threads that read meanwhile notice nothing. Other
// memory is left alone, and so is what does not fill a huge page. Nothing happens when the copies
// would take more than half of the memory that is available, when the system has no huge pages, or
// when they are not allowed.
// Returns the bytes that were replaced: a second call finds nothing to do.
int64_t move_to_huge_pages(std::span<const std::span<const std::byte>> blocks, ThreadPool& pool);

}  // namespace quire
