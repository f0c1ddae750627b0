#include "device/reserved_memory.h"

#include "base/progress.h"

#include <sys/mman.h>

namespace quire {

void ReservedMemory::Unmap::operator()(std::byte* memory) const {
  if (memory != nullptr) ::munmap(memory, n_bytes);
}

Result<ReservedMemory> ReservedMemory::create(int64_t n_bytes, const std::string& what) {
  ReservedMemory reserved;
  if (n_bytes == 0) return reserved;
  const auto n = static_cast<size_t>(n_bytes);
  void* memory = ::mmap(nullptr, n, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return fail(Fault::limit, "{}: {} cannot be had; use a smaller context or fewer sequences",
                what, format_bytes(static_cast<double>(n_bytes)));
  ::madvise(memory, n, MADV_HUGEPAGE);
  reserved.memory_ = std::unique_ptr<std::byte[], Unmap>(static_cast<std::byte*>(memory), Unmap{n});
  return reserved;
}

}  // namespace quire
