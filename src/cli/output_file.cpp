#include "cli/output_file.h"

#include "base/file.h"
#include "cli/model_store.h"
#include "cli/terminal.h"
#include "model/find_model.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace quire {

Result<void> check_output(const std::string& path, bool force) {
  if (path == "-") {
    if (output_is_terminal())
      return fail(Fault::usage, "the output is no text and is not written to a terminal; use -o");
    return {};
  }
  if (is_directory(path)) return fail(Fault::usage, "{}: is a folder", path);
  if (file_exists(path) && !force)
    return fail(Fault::usage, "{}: exists already; --force overwrites it", path);
  return {};
}

Result<void> write_output(const std::string& path, std::string_view bytes) {
  if (path != "-") return write_file(path, bytes);
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() ||
      std::fflush(stdout) != 0)
    return fail(Fault::io, "standard output: cannot write: {}", std::strerror(errno));
  return {};
}

Result<ModelAndFile> split_model_and_file(const std::string& model_flag,
                                          const std::vector<std::string>& positionals) {
  if (positionals.size() > 1 && !model_flag.empty())
    return fail(Fault::usage, "the model is given twice: --model {} and '{}'", model_flag,
                positionals[0]);
  const std::string name = !model_flag.empty()      ? model_flag
                           : positionals.size() > 1 ? positionals[0]
                                                    : default_model;
  if (positionals.size() == 1 && model_flag.empty() && positionals[0].ends_with(".gguf"))
    return fail(Fault::usage, "a FILE is missing after the model {}", positionals[0]);
  ModelContents contents = TRY(resolve_contents(name));
  return ModelAndFile{contents.weights, positionals.back(), std::move(contents)};
}

}  // namespace quire
