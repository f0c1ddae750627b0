// The name of a model in a store or a registry:
//
//   [host/][namespace/]model[:tag][@sha256:digest]
//
//   llama3.2:1b                        registry.ollama.ai/library/llama3.2:1b
//   me/story                           registry.ollama.ai/me/story:latest
//   hf.co/user/repo:Q4_K_M             a GGUF file of a Hugging Face repository
//   http://127.0.0.1:5000/me/story     a registry without TLS, when that is allowed
//
// Each part is letters, digits, '_', '-' and '.', begins with a letter, digit or '_', and has at
// most 80 of them: no part can leave the folder of its store.
#pragma once
#include "base/result.h"

#include <string>
#include <string_view>

namespace quire {

struct ModelRef {
  std::string scheme = "https";
  std::string host = "registry.ollama.ai";  // with its port, if any
  std::string name_space = "library";
  std::string model;
  std::string tag = "latest";
  std::string digest;  // "sha256:..." or empty

  bool is_hugging_face() const { return host == "hf.co" || host == "huggingface.co"; }
  // As short as it can be given again: "llama3.2:1b", "hf.co/user/repo:Q4_K_M".
  std::string text() const;
  // Below a folder of manifests: "registry.ollama.ai/library/llama3.2/1b".
  std::string path() const;
  bool operator==(const ModelRef&) const = default;
};

// usage, naming the part that is wrong.
Result<ModelRef> parse_model_ref(std::string_view text);
// "sha256:" and 64 hexadecimal digits in small letters.
bool is_digest(std::string_view text);

}  // namespace quire
