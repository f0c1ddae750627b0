// Any bytes as a safetensors file: read or refused; what is read lies inside the file and without
// holes.
#include "format/safetensors.h"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  // An allocation of exactly this size, so that a read past its end is seen.
  void* memory = nullptr;
  if (::posix_memalign(&memory, 64, size > 0 ? size : 1) != 0) std::abort();
  if (size > 0) std::memcpy(memory, data, size);
  const Result<SafetensorsFile> file =
      SafetensorsFile::parse({static_cast<const std::byte*>(memory), size}, "fuzz");
  volatile size_t seen = 0;
  if (file.has_value()) {
    for (const SafetensorsTensor& tensor : file->tensors()) {
      for (const std::byte b : tensor.bytes) seen = seen + static_cast<size_t>(b);
      if (file->find(tensor.name) != &tensor) std::abort();
      const Result<TensorView> view = file->tensor(tensor.name);
      if (view.has_value() && static_cast<size_t>(view->n_bytes()) != tensor.bytes.size())
        std::abort();
    }
    for (const auto& [key, value] : file->metadata()) seen = seen + key.size() + value.size();
  } else if (file.error().text.find('\n') != std::string::npos) {
    std::abort();
  }
  std::free(memory);
  return 0;
}
