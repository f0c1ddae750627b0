// Models from registries.
//
//   Ollama's (the OCI distribution protocol):
//     GET /v2/NAMESPACE/MODEL/manifests/TAG          the manifest, which is stored as it is
//     GET /v2/NAMESPACE/MODEL/blobs/sha256:DIGEST    each part
//   one that wants a token is asked for it (store/registry_auth.h)
//   Hugging Face:
//     GET /api/models/USER/REPO/tree/main?recursive=true    the files, with their SHA-256
//     GET /USER/REPO/resolve/main/FILE                      the one whose name has the tag's
//     quantization, or all of a model in several files
#pragma once
#include "base/result.h"
#include "store/docker_login.h"
#include "store/download.h"
#include "store/store.h"

#include <functional>
#include <string>
#include <string_view>

namespace quire {

struct PullOptions {
  DownloadOptions download;
  std::string hugging_face = "https://huggingface.co";  // where its hub is
  std::string hugging_face_token;
  std::vector<std::string> key_files{};  // see RegistryAuth
  std::string hugging_face_file{};       // path in the repository, in place of the tag
  DockerLogins logins{};                 // see RegistryAuth
  bool allow_http = false;               // registries without TLS
  // What is being done ("pulling manifest", "pulling sha256:...", "success"), and how far of how
  // much.
  using OnStatus = std::function<void(std::string_view status, std::string_view digest,
                                      uint64_t n_bytes, uint64_t n_total)>;
  OnStatus on_status;
};

// not_found when the registry does not have the model, unsupported for parts of unknown kinds, io,
// limit, bad_format when it sends what it must not. What has arrived stays for the next try.
Result<StoredModel> pull_model(const Store& store, const ModelRef& ref, const PullOptions& options);

}  // namespace quire
