// Files that commands write, and pairs MODEL FILE of arguments.
#pragma once
#include "base/result.h"
#include "store/contents.h"

#include <string>
#include <string_view>
#include <vector>

namespace quire {

// usage when the file is there and `force` is false, or when binary data would go to a terminal.
Result<void> check_output(const std::string& path, bool force);
// To the file, complete or not at all, or to standard output when path is "-".
Result<void> write_output(const std::string& path, std::string_view bytes);

// [MODEL] FILE: one positional is the FILE, and the model is -m or the bundled one.
struct ModelAndFile {
  std::string model_path, file;
  ModelContents contents;  // what a model of the store carries beside its weights
};
Result<ModelAndFile> split_model_and_file(const std::string& model_flag,
                                          const std::vector<std::string>& positionals);

}  // namespace quire
