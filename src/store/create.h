// A model of a Modelfile: weights that are a file stay where they are; a template, a system text,
// parameters and so on become parts of their own, in place of those of the model it is made from.
#pragma once
#include "base/result.h"
#include "store/contents.h"
#include "store/modelfile.h"
#include "store/store.h"

#include <functional>
#include <string>
#include <vector>

namespace quire {

struct CreateOptions {
  std::string folder;  // that relative paths of the Modelfile start from
  // Whether FROM and ADAPTER may be paths of files; else they are names, or blobs of the store
  // written "@sha256:DIGEST".
  enum class Files : uint8_t { allowed, refused };
  Files files = Files::allowed;
  // What a name of FROM means that is no model of the store (a cache, a bundled model); not_found
  // when there is none.
  std::function<Result<ModelContents>(const std::string& name)> find;
  // Blobs of the store with the weights, in order, instead of FROM.
  std::vector<std::string> weight_digests;
};

// bad_format for a file that is no GGUF file, not_found for one that is not there, usage for a path
// where files are refused.
Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options);

}  // namespace quire
