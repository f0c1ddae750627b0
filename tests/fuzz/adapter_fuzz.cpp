// Adapters: any bytes as a LoRA or a control vector in GGUF, or as the two files of a PEFT folder
// (the first line is adapter_config.json), are read or refused; what is read fits the model.
#include "../unit/base/temporary_folder.h"
#include "base/file.h"
#include "model/adapter.h"
#include "model/model.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quire;
  static const auto model = Model::load(QUIRE_SOURCE_DIR "/tests/golden/hf/llama-bf16").value();
  static const TemporaryFolder folder;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  AdapterFiles files;
  if (data[0] == 'p') {
    const size_t line = std::min(text.find('\n'), text.size());
    if (!write_file(folder / "adapter_config.json", text.substr(0, line))) return 0;
    const std::string_view rest = text.substr(std::min(line + 1, text.size()));
    if (!write_file(folder / "adapter_model.safetensors", rest)) return 0;
    files.loras.push_back({folder.path(), 1});
  } else {
    if (!write_file(folder / "a.gguf", text)) return 0;
    (data[0] == 'c' ? files.control_vectors : files.loras).push_back({folder / "a.gguf", 1});
  }
  if (const auto adapted = with_adapters(model, files)) {
    if ((*adapted)->graph().all(Role::parameter).size() != (*adapted)->params().size())
      __builtin_trap();
  } else if (adapted.error().text.empty()) {
    __builtin_trap();
  }
  return 0;
}
