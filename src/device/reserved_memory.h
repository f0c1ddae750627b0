// Zeroed memory that is given page by page as it is first touched, so that reserving much of it
// costs nothing.
#pragma once
#include "base/result.h"

#include <cstddef>
#include <memory>

namespace quire {

class ReservedMemory {
 public:
  ReservedMemory() = default;
  // limit, naming `what` it is for, when the system refuses.
  static Result<ReservedMemory> create(int64_t n_bytes, const std::string& what);

  std::byte* data() const { return memory_.get(); }  // aligned to a page; null when of 0 bytes

 private:
  struct Unmap {
    size_t n_bytes = 0;
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Unmap> memory_{nullptr, Unmap{}};
};

}  // namespace quire
