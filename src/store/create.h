// A model of a Modelfile: weights that are a file stay where they are; a template, a system text,
// parameters and so on become parts of their own, in place of those of the model it is made from.
#pragma once
#include "base/result.h"
#include "store/modelfile.h"
#include "store/store.h"

#include <functional>
#include <string>

namespace quire {

struct CreateOptions {
  std::string folder;  // that relative paths of the Modelfile start from
  // Where a name of FROM is a file that is no model of the store (a cache, a bundled model);
  // not_found when there is none.
  std::function<Result<std::string>(const std::string& name)> find_file;
};

// bad_format for a file that is no GGUF file, not_found for one that is not there.
Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options);

}  // namespace quire
