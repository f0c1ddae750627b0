// A model of a Modelfile: weights that are a GGUF file stay where they are; a template, a system
// text, parameters and so on become parts of their own, in place of those of the model it is made
// from. A Hugging Face folder, and any weights when another storage type is asked for, become a
// GGUF file of the store; so does an adapter that is a PEFT folder.
#pragma once
#include "base/result.h"
#include "store/contents.h"
#include "store/modelfile.h"
#include "store/pull.h"
#include "store/store.h"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace quire {

// How files of other forms become GGUF files: layers above this one know (model/write_gguf.h,
// model/write_adapter.h).
struct GgufMakers {
  using OnDone = std::function<bool(uint64_t done, uint64_t total)>;  // false: stop
  // `from` is a GGUF file or a Hugging Face folder, `type` a storage type, "" for those it has.
  // What comes back are notes for the user.
  std::function<Result<std::vector<std::string>>(const std::string& from, const std::string& to,
                                                 const std::string& type, const OnDone& on_done)>
      weights;
  // `from` is a PEFT folder; `weights` the model that it belongs to.
  std::function<Result<void>(const std::string& from, const std::string& to,
                             const std::string& weights)>
      adapter;
};

// A blob of the store, with the name that its file had.
struct NamedBlob {
  std::string name, digest;
};

struct CreateOptions {
  std::string folder;  // that relative paths of the Modelfile start from
  // Whether FROM and ADAPTER may be paths of files; else they are names, or blobs of the store
  // written "@sha256:DIGEST".
  enum class Files : uint8_t { allowed, refused };
  Files files = Files::allowed;
  // What a name of FROM means that is no model of the store (a cache, a bundled model); not_found
  // when there is none.
  std::function<Result<ModelContents>(const std::string& name)> find;
  // Instead of FROM: the GGUF files of a model in the order of their names, or the files of a
  // Hugging Face folder, one of which is called *.safetensors.
  std::vector<NamedBlob> weight_files{};
  // Adapters: GGUF files, one each, or the files of a PEFT folder.
  std::vector<NamedBlob> adapter_files{};
  std::string quantize{};  // storage type of the weights; "": as they are
  GgufMakers make{};
  PullOptions::OnStatus on_status{};
  const std::atomic<bool>* cancelled = nullptr;
};

// bad_format for a file that is no GGUF file, not_found for one that is not there, usage for a path
// where files are refused, cancelled when it was stopped. Killed at any moment, it leaves the store
// as it was, but for a temporary file that a later create sweeps away.
Result<StoredModel> create_model(const Store& store, const ModelRef& ref,
                                 const Modelfile& modelfile, const CreateOptions& options);

}  // namespace quire
