// Any bytes as a GGUF file: read or refused; what is read can be looked at in every way.
#include "format/gguf.h"
#include "tensor/tensor.h"

#include <cstdlib>
#include <cstring>

namespace quire {
namespace {

// What looking at a value must not be able to break.
size_t look_at(const GgufValue& value) {
  size_t seen = value.text().size() + value.type_text().size();
  seen += value.as_int().has_value() + value.as_uint().has_value() + value.as_float().has_value();
  seen += value.as_bool().has_value() + value.as_string().value_or("").size();
  seen += value.as_ints().has_value() + value.as_floats().has_value();
  if (const auto strings = value.as_strings())
    for (const std::string_view text : *strings) seen += text.size() + (text.empty() ? 0 : text[0]);
  if (const auto arrays = value.as_arrays())
    for (const GgufValue& array : *arrays) seen += look_at(array);
  return seen;
}

}  // namespace
}  // namespace quire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  // An allocation of exactly this size, so that a read past its end is seen.
  void* memory = nullptr;
  if (::posix_memalign(&memory, 64, size > 0 ? size : 1) != 0) std::abort();
  if (size > 0) std::memcpy(memory, data, size);
  const Result<GgufFile> file =
      GgufFile::parse({static_cast<const std::byte*>(memory), size}, "fuzz");
  volatile size_t seen = 0;
  if (file.has_value()) {
    for (const GgufEntry& entry : file->entries()) seen = seen + look_at(entry.value);
    for (const GgufTensor& tensor : file->tensors()) {
      const auto n_bytes = static_cast<size_t>(tensor.view.n_bytes());
      if (n_bytes == 0) continue;
      seen = seen + static_cast<size_t>(tensor.view.data[0]) +
             static_cast<size_t>(tensor.view.data[n_bytes - 1]);
      if (file->find(tensor.name) != &tensor) std::abort();
    }
  } else if (file.error().text.find('\n') != std::string::npos) {
    std::abort();
  }
  std::free(memory);
  return 0;
}
