// Any bytes as config.json and model.safetensors.index.json beside the weights of a tiny model:
// loaded or refused in one line, never a crash.
//
//   byte 0: which of the folders in tests/golden/hf gives the weights; then config.json, and behind
//   a zero byte the index
#include "../unit/base/temporary_folder.h"
#include "base/file.h"
#include "model/model.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> weights() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(QUIRE_SOURCE_DIR "/tests/golden/hf")) {
    const std::string file = entry.path().string() + "/model.safetensors";
    if (fs::exists(file)) files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void put(const std::string& path, std::string_view text) {
  if (!quire::write_file(path, text)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> files = weights();
  static const quire::TemporaryFolder folder;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t end = text.find('\0');
  put(folder.path() + "/config.json", text.substr(0, end));
  std::error_code ignored;
  for (const char* name : {"/model.safetensors", "/model.safetensors.index.json"})
    fs::remove(folder.path() + name, ignored);
  if (end != text.npos) put(folder.path() + "/model.safetensors.index.json", text.substr(end + 1));
  fs::create_symlink(files[data[0] % files.size()], folder.path() + "/model.safetensors", ignored);
  const auto model = quire::Model::load(folder.path());
  if (!model && model.error().text.find('\n') != std::string::npos) std::abort();
  return 0;
}
