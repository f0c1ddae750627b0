// Which file a model name means: a path, or a name of the models that come with the program.
//
// Bundled models are the .gguf files in, in this order, ../models and ../share/quire/models seen
// from the program, and ./models. "tales-3m.gguf" is found as "tales-3m.gguf", "tales-3m" and
// "tales".
#pragma once
#include "base/result.h"

#include <string>
#include <vector>

namespace quire {

constexpr const char* default_model = "tales";

// The path: `name` itself when there is such a file or folder. not_found lists the bundled models.
Result<std::string> find_model(const std::string& name);
// Paths of all bundled models, by name.
std::vector<std::string> bundled_models();
// "models/tales-3m.gguf" -> "tales-3m"
std::string model_name(const std::string& path);

}  // namespace quire
