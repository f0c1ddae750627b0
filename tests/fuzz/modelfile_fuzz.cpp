// Modelfiles and names of models: any bytes are read or refused, and a name that is read is read
// again from its text.
#include "store/model_ref.h"
#include "store/modelfile.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto modelfile = quire::parse_modelfile(text, "input")) {
    if (modelfile->from.empty()) __builtin_trap();
    (void)quire::parameters_json(*modelfile);
  }
  if (const auto ref = quire::parse_model_ref(text)) {
    if (ref->path().find("..") != std::string::npos &&
        ref->path().find("/../") != std::string::npos)
      __builtin_trap();
    const auto again = quire::parse_model_ref(ref->text());
    if (!again || !(*again == *ref)) __builtin_trap();
  }
  return 0;
}
