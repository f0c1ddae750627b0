// A folder that goes when the test ends, and a log that a store's thread writes.
#pragma once
#include "unit/base/temporary_folder.h"

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace quire {

class Folder : public TemporaryFolder {
 public:
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path()))
      if (entry.is_regular_file()) files.push_back(entry.path());
    return files;
  }
};

// Lines come from the store's thread.
struct Log {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::function<void(const std::string&)> writer() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex);
      lines.push_back(line);
    };
  }
  size_t size() {
    const std::lock_guard lock(mutex);
    return lines.size();
  }
};

}  // namespace quire
